/*
 * hold: has the memory that nobody uses, and gives it back as others take it.
 *
 *     hold <ASKS >ANSWERS
 *
 * What a virtual machine does not use is its host's after two seconds (free
 * page reporting), and costs whoever writes it first some times the writing: in
 * one hour more than in another, and the more the longer a measurement takes.
 * For each line of standard input this takes all free memory but HOLD_LEVEL,
 * writes it, and answers with a line; from then on it frees a piece whenever
 * less is free. So what is measured gets memory that was in use a moment
 * before. Ends with its input.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    HOLD_PIECE = 2 << 20, /* a huge page: had and given at little cost */
    HOLD_LEVEL = 256,     /* pieces that stay free */
    HOLD_MAX = 1 << 18,
    HOLD_WAIT_MS = 10
};

/* Memory: the first `held` pieces are had. */
static char *hold_room;
static long held;

static bool hold_map(void)
{
    const size_t all = (size_t)HOLD_MAX * HOLD_PIECE;
    char *p = mmap(NULL, all + HOLD_PIECE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return false;
    hold_room = p + HOLD_PIECE - (uintptr_t)p % HOLD_PIECE;
    (void)madvise(hold_room, all, MADV_HUGEPAGE);
    return true;
}

/* A line of /proc/meminfo in pieces; without an answer, as if all were well. */
static long hold_look(int fd, const char *name)
{
    char text[512];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    const char *p;

    text[n > 0 ? n : 0] = 0;
    p = strstr(text, name);
    return p ? strtol(p + strlen(name), NULL, 10) / (HOLD_PIECE >> 10)
             : HOLD_LEVEL;
}

static long hold_free(int fd)
{
    return hold_look(fd, "MemFree:");
}

/* Not what the page cache has: where the kernel gives of that to keep more
 * free than HOLD_LEVEL, the end is reached as well. */
static void hold_take(int fd)
{
    while (held < HOLD_MAX && hold_free(fd) > HOLD_LEVEL &&
           hold_look(fd, "MemAvailable:") > HOLD_LEVEL)
        memset(hold_room + HOLD_PIECE * held++, 1, HOLD_PIECE);
}

static void hold_give(int fd)
{
    long n = HOLD_LEVEL - hold_free(fd);

    n = n < held ? n : held;
    if (n <= 0)
        return;
    held -= n;
    (void)madvise(hold_room + HOLD_PIECE * held, (size_t)(HOLD_PIECE * n),
                  MADV_DONTNEED);
}

int main(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
    char line[64];

    if (fd < 0 || !hold_map()) {
        perror("hold");
        return 1;
    }
    for (;;) {
        int n = poll(&in, 1, HOLD_WAIT_MS);

        if (n == 0) {
            hold_give(fd);
            continue;
        }
        if (n < 0 || read(STDIN_FILENO, line, sizeof line) <= 0)
            return 0;
        hold_take(fd);
        (void)puts("held");
        (void)fflush(stdout);
    }
}
