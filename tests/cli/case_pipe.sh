# shellcheck shell=sh
# Data that does not arrive is a failure; a reader that leaves gets no message.
[ -c /dev/full ] || skip "there is no /dev/full"
mkdir src
seq 300000 >src/numbers
for i in $(seq 300); do
    : >"src/a-name-of-some-length-$i"
done
new_repo repo
expect 0 dedup snapshot src
full() {
    "$@" >/dev/full
}
full_is() {
    expect 2 full "$@"
    err_like "dedup: *: writing to standard output: No space left on device"
}
full_is dedup snapshots
full_is dedup snapshots --json
full_is dedup ls "latest:$PWD/src"
full_is dedup ls -lR latest
full_is dedup ls --json "latest:$PWD/src"
full_is dedup cat "latest:$PWD/src/numbers"
full_is dedup restore "latest:$PWD/src" --target out --json
same src out
full_is dedup restore "latest:$PWD/src" --target new -q --dry-run
# The snapshot exists all the same.
full_is dedup snapshot -s printed --print-id src
expect 0 dedup ls "printed:$PWD/src"

mkfifo pipe
gone() {
    # shellcheck disable=SC2094 # a pipe, not a file
    exec 3<>pipe 4>pipe 3<&-
    "$@" >&4
}
for c in "snapshots" "ls latest:$PWD/src" "cat latest:$PWD/src/numbers" \
    "ls -R --json latest" "snapshots --json" "check --json"; do
    # shellcheck disable=SC2086 # words
    expect 141 gone dedup $c
    err_is
done
# A reader that has enough ends it soon, however long the file is.
truncate -s 4T src/sparse
expect 0 dedup snapshot src
enough() {
    {
        timeout 60 "$DEDUP" cat "latest:$PWD/src/sparse"
        echo $? >code
    } | head -c 10 | wc -c
}
expect 0 enough
out_is 10
[ "$(cat code)" = 141 ] || run_fail "cat ended with $(cat code), not 141"
