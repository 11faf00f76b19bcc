/*
 * secrets: where the passphrase or key comes from. The first of
 *
 *   1. --passphrase-file, --passphrase-command, --passphrase-fd, --key-file
 *      (one of them)
 *   2. DEDUP_KEY_FILE, DEDUP_PASSPHRASE_FILE, DEDUP_PASSPHRASE_COMMAND,
 *      DEDUP_PASSPHRASE
 *   3. the systemd credential dedup.passphrase
 *   4. the configuration file
 *   5. the terminal
 *
 * A passphrase is one line: one newline at its end (or CR LF) is dropped; any
 * other newline or NUL, more than SECRETS_PASSPHRASE_MAX bytes, and an empty
 * one are refused: all of them mean that something else was read than the
 * user believes. A key file holds 32 bytes, or their 64 hex digits and perhaps
 * a newline. Never argv, which every user of the machine can read.
 *
 * A command is run by /bin/sh -c, so that it reads like one typed in a shell;
 * it has our standard input and standard error, and gets SIGTERM when a signal
 * asks us to stop. No child ever sees DEDUP_PASSPHRASE.
 * Confined to the main thread.
 */
#ifndef CLI_SECRETS_H
#define CLI_SECRETS_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/secret.h"
#include "cli/opt.h"
#include "cli/secrets_kept.h"

enum { SECRETS_PASSPHRASE_MAX = 4096, SECRETS_KEY_BYTES = 32 };

enum secrets_kind { SECRETS_PASSPHRASE, SECRETS_KEY };

struct secrets {
    struct secret env; /* what DEDUP_PASSPHRASE held */
    bool has_env;
    struct secrets_kept kept; /* so that many jobs need it given once */
};

/* What unlocks a repository. */
struct secrets_key {
    enum secrets_kind kind;
    struct secret secret; /* the passphrase, or SECRETS_KEY_BYTES bytes */
    bool typed;           /* at the terminal: may be asked for again */
    bool made;            /* its file was not there, and is now */
};

/*
 * secrets_init: first thing in main(), before any thread: no core dumps and
 * no tracing by other processes of the user; DEDUP_PASSPHRASE is moved out of
 * the environment and overwritten where it stood.
 * Returns 0; E_NOMEM, E_LIMIT (too long).
 */
MUST_CHECK int secrets_init(struct secrets *s);

/* secrets_release: wipes; zeroed is fine. */
void secrets_release(struct secrets *s);

/*
 * secrets_hand_over, secrets_take_over: from a process to the child that it has
 * forked, in which our pages are zeros: what DEDUP_PASSPHRASE held, through a
 * pipe, which has room for it. Nothing else may have been asked for yet.
 * Returns 0; E_IO; E_NOMEM.
 */
MUST_CHECK int secrets_hand_over(const struct secrets *s, int to);
MUST_CHECK int secrets_take_over(struct secrets *s, int from);

/*
 * secrets_get: the secret that the options, the environment or the user name.
 * A source is asked once in the life of the program: what an option names gives
 * the same for every repository; what was typed is kept by secrets_keep().
 *   fresh  it is about to become a repository's: typed ones are asked for
 *          twice, a key file that is not there is made
 *   c      ends waiting for a terminal or a command; may be NULL
 *   key    out: release it with secrets_key_release whatever is returned
 * Returns 0; E_USAGE when no source gives one, several were named, or what it
 * gives is no passphrase or key; E_NOMEM; E_IO; E_CANCELED.
 */
MUST_CHECK int secrets_get(struct secrets *s, const struct opt_set *o,
                           bool fresh, const struct cancel *c,
                           struct secrets_key *key);

/* secrets_around: what gives the secret where no option of the command line or
 * the environment does, before a configuration is asked: "DEDUP_PASSPHRASE",
 * "the credential dedup.passphrase"; NULL: nothing. */
const char *secrets_around(const struct secrets *s);

/* secrets_keep: key has opened the repository of o: if it was typed, it need
 * not be again. */
void secrets_keep(struct secrets *s, const struct opt_set *o,
                  const struct secrets_key *key);

/*
 * secrets_get_new: the secret of a key that is being made, or changed: what
 * --new-passphrase-file, --new-passphrase-command, --new-passphrase-fd or
 * --new-key-file names, else the terminal, twice. A key file that is not there
 * is made. As secrets_get() otherwise.
 */
MUST_CHECK int secrets_get_new(const struct opt_set *o, const struct cancel *c,
                               struct secrets_key *key);

void secrets_key_release(struct secrets_key *key);

#endif
