/*
 * process: what /proc tells of processes: which one a number means, and whether
 * that is the one it meant before. Any thread. What the system does not tell is
 * 0 or empty.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { PROCESS_BOOT_MAX = 256 /* with its NUL */ };

/* process_read: what a small file of /proc or /sys begins with, a NUL behind
 * it; empty when it cannot be read. size is out's, > 0. */
void process_read(const char *path, char *out, size_t size);

/* What one line of /proc/PID/stat says. */
struct process_stat {
    uint64_t pid;   /* field 1, as the /proc that was read counts */
    uint64_t start; /* field 22: when it started, in the kernel's ticks */
    bool ended;     /* field 3: nothing is left of it but its number, until
                       its parent takes note */
};

/* process_stat_parse: whether line is such a line; s out. The name in it may
 * hold anything, spaces, parentheses and newlines too. */
bool process_stat_parse(const char *line, struct process_stat *s);

/* process_start: when a process of this /proc started; pid 0: this process.
 * One that has ended is not there. */
uint64_t process_start(uint32_t pid);

/* process_is_gone: whether the process that had that number and that start is
 * known to be no more; false when the system does not tell. */
bool process_is_gone(uint32_t pid, uint64_t start);

/* process_numbers_agree: whether /proc counts processes as getpid() and kill()
 * do. In a pid namespace without a /proc of its own /proc/PID is another
 * process. */
bool process_numbers_agree(void);

/* process_pid_namespace: the inode number of this process's. */
uint64_t process_pid_namespace(void);

/* process_boot_id: a text that no other boot has. */
void process_boot_id(char out[PROCESS_BOOT_MAX]);

#endif
