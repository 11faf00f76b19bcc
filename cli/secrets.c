#include "cli/secrets.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/fileop.h"
#include "base/id.h"
#include "base/mem.h"
#include "cli/key_file.h"
#include "cli/spawn.h"
#include "cli/terminal.h"

enum {
    /* A passphrase, its CR LF, and one byte more to see what is too long. */
    SECRETS_READ_MAX = SECRETS_PASSPHRASE_MAX + 3,
    SECRETS_POLL_MS = 50
};

static const char secrets_env_name[] = "DEDUP_PASSPHRASE";
static const char secrets_none[] =
    "no passphrase, and no terminal to ask on: give --passphrase-file, "
    "--passphrase-command, --passphrase-fd or --key-file, or set "
    "DEDUP_PASSPHRASE_FILE, DEDUP_PASSPHRASE_COMMAND, DEDUP_PASSPHRASE or "
    "DEDUP_KEY_FILE";

/* ---- the process ------------------------------------------------------- */

int secrets_init(struct secrets *s)
{
    const struct rlimit none = {0, 0};
    char *value = getenv(secrets_env_name);
    int rc;

    memset(s, 0, sizeof *s);
    /* Where the kernel refuses, the secrets still work: they live in pages
     * that are left out of core dumps anyway. */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    rc = secret_init(&s->env, SECRETS_PASSPHRASE_MAX);
    if (rc < 0 || !value)
        return rc;
    s->has_env = *value != 0;
    rc = secret_set(&s->env, bytes_of_str(value));
    explicit_bzero(value, strlen(value));
    (void)unsetenv(secrets_env_name);
    return err_add(rc, "%s", secrets_env_name);
}

int secrets_hand_over(const struct secrets *s, int to)
{
    struct bytes env = secret_bytes(&s->env);

    if (env.n > 0 && fileop_write_full(to, env.p, env.n) < 0)
        return err_set_errno(E_IO, errno, "handing the passphrase over");
    return 0;
}

int secrets_take_over(struct secrets *s, int from)
{
    size_t n = s->env.n;
    int rc;

    secret_release(&s->env); /* locked in the parent only */
    rc = secret_init(&s->env, SECRETS_PASSPHRASE_MAX);
    if (rc == 0 && n > 0 &&
        fileop_read_full(from, secret_extend(&s->env, n), n) != (ssize_t)n)
        rc = err_set(E_IO, "taking the passphrase over");
    return rc;
}

void secrets_release(struct secrets *s)
{
    secret_release(&s->env);
    secrets_kept_release(&s->kept);
    s->has_env = false;
}

/* ---- what a secret may look like --------------------------------------- */

/* raw, without the end of its line, as the passphrase. */
static int secrets_take_line(struct secrets_key *key, struct bytes raw)
{
    if (raw.n && raw.p[raw.n - 1] == '\n') {
        raw.n--;
        if (raw.n && raw.p[raw.n - 1] == '\r')
            raw.n--;
    }
    if (raw.n == 0)
        return err_set(E_USAGE, "the passphrase is empty");
    if (memchr(raw.p, '\n', raw.n) || memchr(raw.p, 0, raw.n))
        return err_set(E_USAGE,
                       "a passphrase is one line; this is more, or binary");
    if (raw.n > SECRETS_PASSPHRASE_MAX)
        return err_set(E_USAGE, "a passphrase has at most %d bytes",
                       SECRETS_PASSPHRASE_MAX);
    key->kind = SECRETS_PASSPHRASE;
    return secret_set(&key->secret, raw);
}

/* Whether it is text: 32 random bytes never are (once in 2^45). */
static bool secrets_is_text(struct bytes raw)
{
    for (size_t i = 0; i < raw.n; i++)
        if (raw.p[i] < ' ' || raw.p[i] > '~')
            return false;
    return true;
}

static int secrets_take_key(struct secrets_key *key, struct bytes raw)
{
    char hex[2 * SECRETS_KEY_BYTES + 1] = "";
    uint8_t bin[SECRETS_KEY_BYTES];
    size_t digits = 2 * SECRETS_KEY_BYTES;
    int rc;

    key->kind = SECRETS_KEY;
    if (raw.n == SECRETS_KEY_BYTES && secrets_is_text(raw))
        return err_set(E_USAGE,
                       "these %d bytes are text: a passphrase is given with "
                       "--passphrase-file, which makes guessing it slow; a key "
                       "file holds random bytes, or %d hex digits",
                       SECRETS_KEY_BYTES, 2 * SECRETS_KEY_BYTES);
    if (raw.n == SECRETS_KEY_BYTES)
        return secret_set(&key->secret, raw);
    if (raw.n == digits || (raw.n == digits + 1 && raw.p[digits] == '\n'))
        memcpy(hex, raw.p, digits);
    if (id_from_hex(hex, bin, sizeof bin))
        rc = secret_set(&key->secret, bytes_of(bin, sizeof bin));
    else
        rc = err_set(E_USAGE,
                     "a key file holds %d bytes, or %d hex digits "
                     "in lower case",
                     SECRETS_KEY_BYTES, 2 * SECRETS_KEY_BYTES);
    explicit_bzero(bin, sizeof bin);
    explicit_bzero(hex, sizeof hex);
    return rc;
}

static int secrets_take(struct secrets_key *key, enum secrets_kind kind,
                        struct bytes raw)
{
    return kind == SECRETS_KEY ? secrets_take_key(key, raw)
                               : secrets_take_line(key, raw);
}

/* ---- descriptors and files --------------------------------------------- */

/* All that fd gives, as far as a secret can reach. */
static int secrets_from_fd(struct secrets_key *key, enum secrets_kind kind,
                           int fd)
{
    struct secret raw = {0};
    ssize_t n;
    int rc = secret_init(&raw, SECRETS_READ_MAX);

    if (rc < 0)
        return rc;
    n = fileop_read_full(fd, secret_extend(&raw, raw.cap), raw.cap);
    if (n < 0)
        rc = err_set_errno(E_USAGE, errno, "cannot be read");
    else
        rc = secrets_take(key, kind, bytes_of(raw.p, (size_t)n));
    secret_release(&raw);
    return rc;
}

static int secrets_from_file(struct secrets_key *key, enum secrets_kind kind,
                             const char *path)
{
    int fd = fileop_openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);
    int rc;

    if (fd < 0)
        return err_set_errno(E_USAGE, errno, "%s", path);
    rc = secrets_from_fd(key, kind, fd);
    (void)fileop_close(fd);
    return err_add(rc, "%s", path);
}

/* ---- a command --------------------------------------------------------- */

/* Starts the command with to_fd as its standard output. */
static int secrets_spawn(char *command, int in_fd, int to_fd, pid_t *pid)
{
    char sh[] = "/bin/sh", dash_c[] = "-c";
    char *argv[] = {sh, dash_c, command, NULL};
    struct spawn s = {.argv = argv, .in = in_fd, .out = to_fd, .err = -1};

    return spawn_start(&s, pid);
}

/* All that the command prints; at most what raw holds. */
static int secrets_listen(int fd, const struct cancel *c, struct secret *raw)
{
    uint8_t *to = secret_extend(raw, raw->cap);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t n = 0;
    int rc = 0;

    while (n < raw->cap) {
        ssize_t got;

        if (poll(&p, 1, SECRETS_POLL_MS) <= 0) {
            rc = cancel_check(c);
            if (rc < 0)
                break;
            continue;
        }
        got = fileop_read(fd, to + n, raw->cap - n);
        if (got < 0)
            rc = err_set_errno(E_IO, errno, "reading its output");
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    raw->n = n;
    return rc;
}

/* rc is what listening gave. A command that is still running then has said
 * more than we take, or nobody waits for it any more. */
static int secrets_reap(pid_t pid, int rc)
{
    int status;

    if (rc < 0)
        (void)kill(pid, SIGTERM);
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return rc < 0 ? rc : err_set_errno(E_IO, errno, "waiting for it");
    }
    if (rc < 0)
        return rc;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGPIPE)
        return err_set(E_USAGE, "ended by signal %d", WTERMSIG(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        return err_set(E_USAGE,
                       "it ended with exit code %d, so what it printed is not "
                       "taken",
                       WEXITSTATUS(status));
    return 0;
}

static int secrets_run(char *command, int in_fd, const struct cancel *c,
                       struct secrets_key *key)
{
    struct secret raw = {0};
    int fd[2];
    pid_t pid;
    int rc = secret_init(&raw, SECRETS_READ_MAX);

    if (rc < 0)
        return rc;
    if (pipe2(fd, O_CLOEXEC) < 0) {
        secret_release(&raw);
        return err_set_errno(E_IO, errno, "making a pipe");
    }
    rc = secrets_spawn(command, in_fd, fd[1], &pid);
    (void)fileop_close(fd[1]);
    if (rc < 0)
        goto out;
    rc = secrets_listen(fd[0], c, &raw);
    /* Closed before the wait: a command that prints on would never end. */
    (void)fileop_close(fd[0]);
    fd[0] = -1;
    rc = secrets_reap(pid, rc);
    if (rc == 0)
        rc = secrets_take_line(key, secret_bytes(&raw));
out:
    (void)fileop_close(fd[0]);
    secret_release(&raw);
    return rc;
}

/* no_input: standard input belongs to somebody else. */
static int secrets_from_command(struct secrets_key *key, const char *command,
                                bool no_input, const struct cancel *c)
{
    char *copy = mem_dup(bytes_of_str(command));
    int in = -1;
    int rc = 0;

    if (!copy)
        return err_set(E_NOMEM, "running the passphrase command");
    if (no_input)
        rc = spawn_null(&in);
    if (rc == 0)
        rc = secrets_run(copy, in, c, key);
    (void)fileop_close(in);
    free(copy);
    return rc;
}

/* ---- the terminal ------------------------------------------------------ */

static int secrets_from_terminal(struct secrets_key *key, bool fresh,
                                 const struct cancel *c)
{
    struct secret again = {0};
    int rc;

    key->kind = SECRETS_PASSPHRASE;
    key->typed = true;
    rc = terminal_ask(fresh ? "new passphrase: " : "passphrase: ", c,
                      &key->secret);
    if (rc == 0 && key->secret.n == 0)
        rc = err_set(E_USAGE, "the passphrase is empty");
    if (rc < 0 || !fresh)
        return rc;
    rc = secret_init(&again, SECRETS_PASSPHRASE_MAX);
    if (rc == 0)
        rc = terminal_ask("once more: ", c, &again);
    if (rc == 0 &&
        !secret_equal(secret_bytes(&again), secret_bytes(&key->secret)))
        rc = err_set(E_USAGE, "the two passphrases differ");
    secret_release(&again);
    return rc;
}

/* ---- which of them ----------------------------------------------------- */

/* In the order in which the environment's are looked at. */
struct secrets_options {
    enum opt_id key_file;
    enum opt_id file;
    enum opt_id command;
    enum opt_id fd;
};

static const struct secrets_options secrets_old = {
    OPT_KEY_FILE, OPT_PASSPHRASE_FILE, OPT_PASSPHRASE_COMMAND,
    OPT_PASSPHRASE_FD};
static const struct secrets_options secrets_new = {
    OPT_NEW_KEY_FILE, OPT_NEW_PASSPHRASE_FILE, OPT_NEW_PASSPHRASE_COMMAND,
    OPT_NEW_PASSPHRASE_FD};

static int secrets_two(const struct opt_set *o, const struct opt_value *a,
                       const struct opt_value *b)
{
    char first[OPT_NAMED_MAX], second[OPT_NAMED_MAX];

    return err_set(E_USAGE, "give one of %s and %s, not both",
                   opt_named(o, a, first), opt_named(o, b, second));
}

/* The one option to follow, or NULL. */
static int secrets_choose(const struct opt_set *o,
                          const struct secrets_options *of,
                          const struct opt_value **v)
{
    const enum opt_id each[] = {of->key_file, of->file, of->command, of->fd};

    *v = NULL;
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        const struct opt_value *x = opt_last(o, each[i]);

        if (!x)
            continue;
        if (*v && (*v)->origin == x->origin && x->origin != OPT_FROM_ENV)
            return secrets_two(o, *v, x);
        if (!*v || x->origin < (*v)->origin)
            *v = x;
    }
    return 0;
}

/* fresh: a key file that is not there is made. */
static int secrets_from_key_file(struct secrets_key *key, const char *path,
                                 bool fresh)
{
    struct stat st;

    if (fresh && fileop_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
        errno == ENOENT) {
        key->kind = SECRETS_KEY;
        key->made = true;
        return key_file_create(path, &key->secret);
    }
    return secrets_from_file(key, SECRETS_KEY, path);
}

static int secrets_from_option(struct secrets_key *key,
                               const struct secrets_options *of,
                               const struct opt_value *v,
                               const struct opt_set *o, bool fresh,
                               const struct cancel *c)
{
    int fd = opt_fd(o, of->fd);
    char named[OPT_NAMED_MAX];
    int rc;

    if (v->id == of->key_file)
        rc = secrets_from_key_file(key, v->text, fresh);
    else if (v->id == of->file)
        rc = secrets_from_file(key, SECRETS_PASSPHRASE, v->text);
    else if (v->id == of->command)
        rc = secrets_from_command(key, v->text, opt_has(o, OPT_STDIN), c);
    else
        rc = err_add(secrets_from_fd(key, SECRETS_PASSPHRASE, fd),
                     "file descriptor %d", fd);
    return rc < 0 ? err_add(rc, "%s", opt_named(o, v, named)) : 0;
}

/* The path of the systemd credential, when there is one. */
static bool secrets_credential(char path[PATH_MAX])
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    struct stat st;
    int n;

    if (!dir || *dir != '/')
        return false;
    n = snprintf(path, PATH_MAX, "%s/dedup.passphrase", dir);
    return n > 0 && n < PATH_MAX && fileop_fstatat(AT_FDCWD, path, &st, 0) == 0;
}

const char *secrets_around(const struct secrets *s)
{
    char path[PATH_MAX];

    if (s->has_env)
        return secrets_env_name;
    return secrets_credential(path) ? "the credential dedup.passphrase" : NULL;
}

/* ---- what was given before --------------------------------------------- */

/* What is typed is for one repository. */
static const char *secrets_typed_for(const struct opt_set *o)
{
    const char *repo = opt_text(o, OPT_REPO);

    return repo ? repo : "";
}

static int secrets_from_kept(const struct secrets *s, enum opt_id id,
                             const char *text, struct secrets_key *key,
                             bool *found)
{
    int kind = SECRETS_PASSPHRASE;
    const struct secret *had = secrets_kept_find(&s->kept, id, text, &kind);

    *found = had;
    if (!had)
        return 0;
    key->kind = (enum secrets_kind)kind;
    return secret_set(&key->secret, secret_bytes(had));
}

/* A source that an option names gives the same for every repository, and some
 * of them give it only once. */
static int secrets_from_named(struct secrets *s, const struct opt_value *v,
                              const struct opt_set *o, bool fresh,
                              const struct cancel *c, struct secrets_key *key)
{
    bool found = false;
    int rc = fresh ? 0 : secrets_from_kept(s, v->id, v->text, key, &found);

    if (rc < 0 || found)
        return rc;
    rc = secrets_from_option(key, &secrets_old, v, o, fresh, c);
    if (rc == 0 && !fresh)
        rc = secrets_kept_add(&s->kept, v->id, v->text, (int)key->kind,
                              secret_bytes(&key->secret));
    return rc;
}

static int secrets_from_user(const struct secrets *s, const struct opt_set *o,
                             bool fresh, const struct cancel *c,
                             struct secrets_key *key)
{
    bool found = false;
    int rc = 0;

    if (!fresh)
        rc = secrets_from_kept(s, OPT_END, secrets_typed_for(o), key, &found);
    if (rc < 0 || found)
        return rc;
    if (!terminal_any())
        return err_set(E_USAGE, "%s", secrets_none);
    return secrets_from_terminal(key, fresh, c);
}

void secrets_keep(struct secrets *s, const struct opt_set *o,
                  const struct secrets_key *key)
{
    if (key->typed)
        err_ignore(secrets_kept_add(&s->kept, OPT_END, secrets_typed_for(o),
                                    (int)key->kind, secret_bytes(&key->secret)),
                   "it can be typed again");
}

int secrets_get(struct secrets *s, const struct opt_set *o, bool fresh,
                const struct cancel *c, struct secrets_key *key)
{
    const struct opt_value *v;
    char path[PATH_MAX];
    int rc;

    memset(key, 0, sizeof *key);
    rc = secret_init(&key->secret, SECRETS_PASSPHRASE_MAX);
    if (rc < 0)
        return rc;
    rc = secrets_choose(o, &secrets_old, &v);
    if (rc < 0)
        return rc;
    if (v && v->origin <= OPT_FROM_ENV)
        return secrets_from_named(s, v, o, fresh, c, key);
    if (s->has_env)
        return err_add(secrets_take_line(key, secret_bytes(&s->env)), "%s",
                       secrets_env_name);
    if (secrets_credential(path))
        return secrets_from_file(key, SECRETS_PASSPHRASE, path);
    if (v)
        return secrets_from_named(s, v, o, fresh, c, key);
    return secrets_from_user(s, o, fresh, c, key);
}

int secrets_get_new(const struct opt_set *o, const struct cancel *c,
                    struct secrets_key *key)
{
    const struct opt_value *v = NULL;
    int rc;

    memset(key, 0, sizeof *key);
    rc = secret_init(&key->secret, SECRETS_PASSPHRASE_MAX);
    if (rc == 0)
        rc = secrets_choose(o, &secrets_new, &v);
    if (rc < 0)
        return rc;
    if (v)
        return secrets_from_option(key, &secrets_new, v, o, true, c);
    if (!terminal_any())
        return err_set(E_USAGE,
                       "no new passphrase, and no terminal to ask on: give "
                       "--new-passphrase-file, --new-passphrase-command, "
                       "--new-passphrase-fd or --new-key-file");
    return secrets_from_terminal(key, true, c);
}

void secrets_key_release(struct secrets_key *key)
{
    secret_release(&key->secret);
}
