/*
 * read_at: reads 4 KiB at random places of a file and prints how many a second:
 *
 *     read_at FILE COUNT SEED
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ_AT_BYTES = 4096 };

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    char block[READ_AT_BYTES];
    struct stat st;
    uint64_t x, n;
    double begin;
    int fd;

    if (argc != 4)
        return 2;
    fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 2 * READ_AT_BYTES) {
        perror(argv[1]);
        return 1;
    }
    /* readahead would be another measurement */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    n = strtoull(argv[2], NULL, 10);
    x = strtoull(argv[3], NULL, 10) * 2 + 1;
    begin = now();
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        at = x % ((uint64_t)st.st_size / READ_AT_BYTES) * READ_AT_BYTES;
        if (pread(fd, block, sizeof block, (off_t)at) < 0) {
            perror(argv[1]);
            return 1;
        }
    }
    printf("%.0f\n", (double)n / (now() - begin));
    return 0;
}
