/*
 * residency: what of files is in the page cache.
 *
 *     residency count FILE...     prints, as JSON, pages in the cache, and all
 *     residency evict FILE...     lets go of what is clean
 *     residency read FILE N       reads it N times, a page at a time
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *name)
{
    fprintf(stderr, "residency: %s: %s\n", name, strerror(errno));
    return 1;
}

static int count(int fd, size_t n, size_t *there, size_t *all)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t pages = (n + page - 1) / page;
    unsigned char *map = malloc(pages + 1);
    void *p = n ? mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    int r = -1;

    if (map && p != MAP_FAILED)
        r = n ? mincore(p, n, map) : 0;
    for (size_t i = 0; r == 0 && i < pages; i++)
        *there += map[i] & 1;
    *all += pages;
    if (n && p != MAP_FAILED)
        (void)munmap(p, n);
    free(map);
    return r;
}

static int pass(int fd)
{
    char block[4096];
    ssize_t n;

    if (lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    while ((n = read(fd, block, sizeof block)) > 0)
        ;
    return n < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    const int files = argc > 2 && strcmp(argv[1], "read") == 0 ? 1 : argc - 2;
    long passes = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
    size_t there = 0;
    size_t all = 0;

    if (argc < 3)
        return 2;
    for (int i = 2; i < 2 + files; i++) {
        int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        struct stat st;
        int r = -1;

        if (fd < 0 || fstat(fd, &st) < 0)
            return fail(argv[i]);
        if (*argv[1] == 'c') {
            r = count(fd, (size_t)st.st_size, &there, &all);
        } else if (*argv[1] == 'e') {
            r = fsync(fd);
            (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        } else {
            for (long k = 0; k < passes; k++)
                r = pass(fd);
        }
        if (r < 0)
            return fail(argv[i]);
        (void)close(fd);
    }
    if (*argv[1] == 'c')
        printf("{\"pages\":%zu,\"all\":%zu}\n", there, all);
    return 0;
}
