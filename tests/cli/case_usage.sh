# shellcheck shell=sh
# What was misunderstood: one line on standard error, exit 1, no data.
usage() {
    want=$1
    shift
    expect 1 "$@"
    out_is
    err_is "$want"
}

usage "dedup: no command given" dedup
usage "dedup: unknown command 'snapshto'; did you mean 'snapshot'?" \
    dedup snapshto /etc
usage "dedup: unknown command 'frobnicate'" dedup frobnicate
usage "dedup: check: unknown option '--read-dat'; did you mean '--read-data'?" \
    dedup check --read-dat
usage "dedup: unknown option '--rpeo'; did you mean '--repo'?" \
    dedup --rpeo x check
usage "dedup: check: unknown option '-Z'" dedup check -Z
usage "dedup: check: -r needs a value after it" dedup check -r
usage "dedup: restore: --tag is an option of snapshot, not of restore" \
    dedup restore latest --target x --tag y
usage "dedup: ls: SNAP[:PATH] is missing: dedup ls SNAP[:PATH]" dedup ls
usage "dedup: completion: what to do is missing, one of: bash | zsh | fish" dedup completion
usage "dedup: key: key 'ad': must be one of list, add, remove, passwd, rotate, trust, sheet, recover" \
    dedup key ad
usage "dedup: snapshots: --since: 'foo': not a date, such as 2026-11-20 or 2026-11-20T18:30" \
    dedup snapshots --since foo
usage "dedup: init: --compression: neither 'none' nor a level: '99' is not between 1 and 19" \
    dedup -r none init --compression 99
usage "dedup: tag: give --add or --remove, or both; or --set; or --clear" dedup tag x
usage "dedup: init: --passphrase-command: it ended with exit code 3, so what it printed is not taken" \
    dedup -r none init --passphrase-command 'echo x; exit 3'
for place in s3:bucket ssh://host/x me@host:/x; do
    usage "dedup: init: $place: a repository is a directory of this machine; there is no other storage (a directory of that name is ./$place)" \
        dedup -r "$place" --passphrase-command 'echo x' init
done
expect 0 dedup -r ./s3:bucket --passphrase-command 'echo x' init
usage "dedup: check: unexpected argument 'x'" dedup check x
usage "dedup: check: unexpected argument '--keyless'" dedup check -- --keyless

# A name cannot steer the terminal.
usage "dedup: unknown command 'a\\x1b[31m\\r\\nb\\xff'" \
    dedup "$(printf 'a\033[31m\r\nb\377')"

# With --json the data says it too.
expect 1 dedup check --json extra
out_is '{"v":1,"type":"error","exit":1,"message":"unexpected argument '"'extra'"'"}'
err_is "dedup: check: unexpected argument 'extra'"

# The environment is checked like the command line, and named.
expect 1 env DEDUP_REPO= "$DEDUP" frobnicate
err_like "*unknown command*"
