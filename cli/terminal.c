#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/fileop.h"

enum {
    TERMINAL_COLUMNS = 80, /* where it does not say */
    TERMINAL_POLL_MS = 50  /* between two looks at the cancel token */
};

bool terminal_is(int fd)
{
    return isatty(fd) == 1;
}

bool terminal_can_redraw(int fd)
{
    const char *term = getenv("TERM");

    return terminal_is(fd) && term && *term && strcmp(term, "dumb") != 0;
}

size_t terminal_columns(int fd)
{
    struct winsize w;

    if (ioctl(fd, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
        return TERMINAL_COLUMNS;
    return w.ws_col;
}

/* One line into line, without its newline. Canonical mode: one read gives a
 * whole line. */
static int terminal_read(int fd, const struct cancel *c, struct secret *line)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint8_t *to = secret_extend(line, line->cap);
    ssize_t n = 0;
    int rc;

    while (poll(&p, 1, TERMINAL_POLL_MS) <= 0) {
        rc = cancel_check(c);
        if (rc < 0)
            return rc;
    }
    n = fileop_read(fd, to, line->cap);
    if (n < 0)
        return err_set_errno(E_IO, errno, "reading from the terminal");
    if (n == 0)
        return err_set(E_USAGE, "nothing was typed");
    if (to[n - 1] != '\n')
        return err_set(E_LIMIT, "what was typed is too long");
    line->n = (size_t)n - 1;
    return 0;
}

static int terminal_ask_on(int fd, const char *prompt, bool shown,
                           const struct cancel *c, struct secret *s)
{
    /* unless it is shown what was typed ahead is flushed: that was shown */
    int when = shown ? TCSANOW : TCSAFLUSH;
    struct termios before, quiet;
    struct secret line = {0};
    int rc = secret_init(&line, s->cap + 1);

    if (rc < 0)
        return rc;
    if (tcgetattr(fd, &before) < 0) {
        rc = err_set_errno(E_USAGE, errno, "asking on the terminal");
        goto out;
    }
    quiet = before;
    if (!shown)
        quiet.c_lflag &= ~(tcflag_t)ECHO;
    quiet.c_lflag |= ICANON | ISIG | ECHONL;
    if (tcsetattr(fd, when, &quiet) < 0) {
        rc = err_set_errno(E_IO, errno, "switching the terminal's echo off");
        goto out;
    }
    if (fileop_write_full(fd, prompt, strlen(prompt)) < 0)
        rc = err_set_errno(E_IO, errno, "asking on the terminal");
    else
        rc = terminal_read(fd, c, &line);
    if (tcsetattr(fd, when, &before) < 0 && rc == 0)
        rc = err_set_errno(E_IO, errno, "switching the terminal's echo on");
    if (rc == 0)
        rc = secret_set(s, secret_bytes(&line));
out:
    secret_release(&line);
    return rc;
}

bool terminal_any(void)
{
    int fd = fileop_openat(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY, 0);

    (void)fileop_close(fd);
    return fd >= 0;
}

static int terminal_ask_any(const char *prompt, bool shown,
                            const struct cancel *c, struct secret *s)
{
    int fd = fileop_openat(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY, 0);
    int rc;

    if (fd < 0)
        return err_set(E_USAGE, "there is no terminal to ask on");
    rc = terminal_ask_on(fd, prompt, shown, c, s);
    (void)fileop_close(fd);
    return rc;
}

int terminal_ask(const char *prompt, const struct cancel *c, struct secret *s)
{
    return terminal_ask_any(prompt, false, c, s);
}

int terminal_ask_shown(const char *prompt, const struct cancel *c,
                       struct secret *s)
{
    return terminal_ask_any(prompt, true, c, s);
}
