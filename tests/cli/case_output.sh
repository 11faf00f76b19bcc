# shellcheck shell=sh
# Data that does not arrive is a failure.
[ -c /dev/full ] || skip "there is no /dev/full"
full() {
    "$@" >/dev/full
}
expect 2 full dedup help
err_is "dedup: help: writing to standard output: No space left on device"
expect 2 full dedup help --json
err_is "dedup: help: writing to standard output: No space left on device"

# A reader that leaves knows it: SIGPIPE's exit code, no message. The pipe is held
# open until its reading end is closed.
mkfifo pipe
gone() {
    # shellcheck disable=SC2094 # a pipe, not a file
    exec 3<>pipe 4>pipe 3<&-
    "$@" >&4
}
expect 141 gone dedup help
err_is
expect 141 gone dedup help --json
err_is
# What went wrong besides comes first.
expect 1 gone dedup help nothing
expect 1 gone dedup snapshots --json

# No standard output at all: its number must not become another file's.
closed() {
    "$@" >&-
}
expect 2 closed dedup version
err_is "dedup: version: writing to standard output: Bad file descriptor"
