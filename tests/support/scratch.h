/* scratch: a temporary directory of a test, and short ways to fill it. Every
 * failure fails the test. Confined. */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

enum { SCRATCH_PATH = 512 };

/* scratch_make: makes a directory below $TMPDIR or /tmp; writes its canonical
 * path. Those that killed tests left there are removed. */
void scratch_make(char path[SCRATCH_PATH]);

/* scratch_remove: removes it with all below, whatever its modes and flags. */
void scratch_remove(const char *path);

/* scratch_alone: from now on this process mounts for itself only, and what it
 * mounted goes with it, however it ends. Call it before other threads start.
 * Returns whether it may mount at all. */
bool scratch_alone(void);

/* scratch_dir: makes DIR/NAME (one level). */
void scratch_dir(const char *dir, const char *name);

/* scratch_file: makes DIR/NAME with n bytes. */
void scratch_file(const char *dir, const char *name, const void *p, size_t n);

/* scratch_text: the same with a string. */
void scratch_text(const char *dir, const char *name, const char *text);

/* scratch_read: the content of DIR/NAME, up to n - 1 bytes and a NUL; returns
 * its length. */
size_t scratch_read(const char *dir, const char *name, char *to, size_t n);

/* scratch_run: runs a shell command; returns whether it exited with 0. */
bool scratch_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
