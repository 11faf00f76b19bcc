/*
 * meter: runs a command and prints what it took, one JSON object a line:
 * wall, user and system seconds; the largest resident set; the largest sum of
 * RssAnon and RssShmem (memory that cannot be given back to a file), sampled
 * every 5 ms; the exit code.
 *
 *     meter LABEL FILE COMMAND [ARGUMENT...]
 *
 * The line is appended to FILE; the exit code is the command's.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLE_MS = 5 };

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* RssAnon + RssShmem of a process in KiB, 0 when it is gone. */
static long anon_kib(pid_t pid)
{
    char path[64];
    char line[256];
    long sum = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "RssAnon:", 8) == 0 ||
            strncmp(line, "RssShmem:", 9) == 0)
            sum += strtol(strchr(line, ':') + 1, NULL, 10);
    }
    (void)fclose(f);
    return sum;
}

static int report(const char *label, const char *file, double wall,
                  const struct rusage *use, long anon, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    FILE *f = fopen(file, "ae");

    if (!f) {
        (void)fprintf(stderr, "meter: %s: %s\n", file, strerror(errno));
        return 125;
    }
    (void)fprintf(f,
                  "{\"label\":\"%s\",\"wall\":%.3f,\"user\":%.3f,"
                  "\"sys\":%.3f,\"rss_mb\":%.1f,\"anon_mb\":%.1f,"
                  "\"exit\":%d}\n",
                  label, wall, seconds(use->ru_utime), seconds(use->ru_stime),
                  (double)use->ru_maxrss / 1024, (double)anon / 1024, code);
    return fclose(f) == 0 ? code : 125;
}

int main(int argc, char **argv)
{
    struct pollfd gone = {.events = POLLIN};
    struct rusage use;
    double start = now();
    double wall;
    long anon = 0;
    int status;
    pid_t pid;

    if (argc < 4) {
        (void)fprintf(stderr, "usage: meter LABEL FILE COMMAND...\n");
        return 125;
    }
    pid = fork();
    if (pid == 0) {
        (void)execvp(argv[3], argv + 3);
        (void)fprintf(stderr, "meter: %s: %s\n", argv[3], strerror(errno));
        _exit(127);
    }
    gone.fd = pid < 0 ? -1 : pidfd_open(pid, 0);
    if (gone.fd < 0) {
        (void)fprintf(stderr, "meter: a process: %s\n", strerror(errno));
        return 125;
    }
    /* Woken by the end itself, so that wall is not rounded up to a sample. */
    while (poll(&gone, 1, SAMPLE_MS) == 0) {
        long a = anon_kib(pid);

        anon = a > anon ? a : anon;
    }
    if (wait4(pid, &status, 0, &use) != pid)
        return 125;
    wall = now() - start;
    return report(argv[1], argv[2], wall, &use, anon, status);
}
