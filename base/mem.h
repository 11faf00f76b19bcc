/*
 * mem: allocation through one door, so that tests can make the n-th one fail.
 * What these return is freed with free(). Any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* mem_alloc: n zeroed bytes (n > 0), or NULL. */
void *mem_alloc(size_t n);

/* mem_raw: n bytes (n > 0) of any content, or NULL: for large buffers that are
 * filled before they are read. */
void *mem_raw(size_t n);

/* mem_array: a zeroed array of n elements of size bytes; NULL also when the
 * product overflows. n may be 0 (a pointer that can be freed). */
void *mem_array(size_t n, size_t size);

/* mem_resize: realloc; the new part is not zeroed. NULL leaves p valid. */
void *mem_resize(void *p, size_t n);

/*
 * MEM_GROW: room for one more element at the end of a growing array.
 *   list  variable: the array; NULL at first, freed with free()
 *   n     elements in it
 *   cap   size_t variable: elements there is room for; 0 at first
 * False: out of memory, or more than an address space; list and cap are as
 * before. The new part is not zeroed. The room doubles, from 16 on.
 */
#define MEM_GROW(list, n, cap) mem_grow(&(list), (n), &(cap), sizeof *(list))

/* mem_grow: what MEM_GROW calls; list points to the array's pointer. */
bool mem_grow(void *list, size_t n, size_t *cap, size_t size);

/* mem_dup: a copy of x, with one NUL byte after it. NULL when out of memory. */
void *mem_dup(struct bytes x);

/* mem_return_large: from now on what is freed in one piece of 256 KiB and more
 * goes back to the system at once, at the price of new pages each time: for
 * processes that live long and promise a bound. */
void mem_return_large(void);

/* mem_fail_after: test hook: the n-th allocation from now fails (1: the next),
 * once, or also every later one when persistent. 0 switches it off. */
void mem_fail_after(uint64_t n, int persistent);

/* mem_count: allocations so far, for the loop that fails each of them. */
uint64_t mem_count(void);

#endif
