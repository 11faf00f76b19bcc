/*
 * err: the one error idiom of the house.
 *
 * A fallible function returns 0 or one of the negative codes below, never
 * anything else. Where a failure is found it is raised once, with err_set();
 * on the way up callers may add context with err_add(), and never change the
 * code. The text lives in a thread-local record of fixed size: nothing is
 * allocated, so running out of memory can be reported too.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum err_code {
    E_USAGE = -1,    /* wrong option, argument or configuration */
    E_NOTFOUND = -2, /* the user named a snapshot or path that is not there */
    E_NOMEM = -3,    /* out of memory */
    E_IO = -4,       /* a local file operation failed */
    E_LIMIT = -5,    /* a documented bound would be exceeded */
    E_UNSUPPORTED = -6, /* newer format, or the platform cannot do it */
    E_NOREPO = -7,      /* no repository at that place */
    E_KEY = -8,         /* wrong passphrase or key */
    E_ROLE = -9,        /* the key's role does not allow this */
    E_BUSY = -10,       /* still busy after waiting */
    E_NOSPACE = -11,    /* no space left where the repository lives */
    E_CORRUPT = -12,    /* stored bytes are not what was written */
    E_STORE = -13,      /* the store or the network failed */
    E_REFUSED = -14,    /* a guard refused; nothing was changed */
    E_FENCED = -15,     /* this writer was fenced; start over as a new one */
    E_LATER = -16,      /* try again later */
    E_CANCELED = -17,   /* the user or a signal asked to stop */
    E_INTERNAL = -18,   /* a bug: an invariant of the program does not hold */
    E_SOURCE = -19,     /* a source file could not be read */
    E_TARGET = -20,     /* a file of the restore target could not be written */
    E_ROLLBACK = -21    /* the repository is older than what was seen before */
};

#define ERR_TEXT_MAX 1024

/* A copy of a thread's record, to carry from a worker to whoever waits. */
struct err_record {
    int code;                /* 0: no error */
    char text[ERR_TEXT_MAX]; /* NUL-terminated, cut when too long */
};

/*
 * err_set: raise an error: replaces this thread's record.
 *   code  one of enum err_code
 *   fmt   printf format: what failed, on what, what the user can do; untrusted
 *         names in it are escaped by whoever prints the record, not here;
 *         the arguments may contain err_text()
 * Returns code.
 */
int err_set(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * err_set_errno: err_set with ": <strerror(errnum)>" appended.
 *   errnum  an errno value; ENOMEM becomes E_NOMEM; else code stands
 * Returns the code that was recorded.
 */
int err_set_errno(int code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * err_add: prefix context ("pack 3fa0..: ") to this thread's record.
 *   code  what the callee returned; returned unchanged. 0 leaves all as it is
 */
int err_add(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* err_ignore: the one way to drop a code on purpose; why is for the reader. */
void err_ignore(int code, const char *why);

/* err_text: this thread's record, "" when none. Valid until the next raise. */
const char *err_text(void);

/* err_save / err_load: copy this thread's record out, and into a thread.
 * err_load returns the record's code. */
void err_save(int code, struct err_record *out);
int err_load(const struct err_record *rec);

/* err_exit_code: the process exit code for a code (0 for 0), see README. */
int err_exit_code(int code);

/* err_panic: a broken invariant of the program: prints and aborts. */
_Noreturn void err_panic(const char *file, int line, const char *what);

/* For programming errors only, never for input; stays on in releases. */
#define ASSERT(cond)                                                           \
    do {                                                                       \
        if (!(cond))                                                           \
            err_panic(__FILE__, __LINE__, #cond);                              \
    } while (0)

#endif
