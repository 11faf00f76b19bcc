# shellcheck shell=sh
# A signal ends a command between two steps, with 128 + its number; the
# repository is as it was, and the next run goes on.
env --default-signal=INT true 2>/dev/null ||
    skip "env knows no --default-signal"
mkdir src
new_repo repo --compression 19
truncate -s 4T src/sparse
expect 0 dedup snapshot -s sparse src

# What a command writes, it writes into this pipe; whoever reads it makes the
# file `began` at the first byte and, once there is `go`, `later` when much more
# has come.
mkfifo pipe
follow() {
    rm -f began go later
    {
        head -c 1 >/dev/null
        : >began
        until [ -e go ]; do sleep 0.02; done
        head -c 50000000 >/dev/null
        : >later
        cat >/dev/null
    } <pipe &
    follower=$!
}

# stopped SIGNAL CODE COMMAND...: the command gets the signal while it works
stopped() {
    signal=$1
    want=$2
    shift 2
    follow
    # a shell's background jobs ignore SIGINT; this one must not
    env --default-signal=INT "$@" >pipe 2>"$ERR" &
    pid=$!
    meanwhile $pid [ -e began ]
    kill -s "$signal" $pid
    : >go
    wait $pid
    code=$?
    wait $follower
    [ $code = "$want" ] || run_fail "'$*' after $signal: exit $code"
}
stopped INT 130 "$DEDUP" cat "sparse:$PWD/src/sparse"
stopped TERM 143 "$DEDUP" cat "sparse:$PWD/src/sparse"
stopped HUP 129 "$DEDUP" cat "sparse:$PWD/src/sparse"
grep -q 'dedup: cat: ' "$ERR" || run_fail "nothing was said"

# A snapshot: nothing is committed, and the next one is whole. It is at work
# when its journal is there; level 19 gives it enough to do. Where it was
# faster all the same, it gets twice as much.
mkdir big
journals() {
    find repo/w -mindepth 1 -maxdepth 1 | wc -l
}
# shellcheck disable=SC2317 # meanwhile calls it
more_journals() {
    [ "$(journals)" -gt "$before" ]
}
code=0
for n in 1 2 4 8 16; do
    [ $code = 0 ] || break
    for i in $(seq $((4 * n))); do
        seq "${i}000000" "${i}300000" >"big/numbers$n-$i"
    done
    tried=big$n
    before=$(journals)
    env --default-signal=INT "$DEDUP" snapshot -s "$tried" big 2>"$ERR" &
    pid=$!
    meanwhile $pid more_journals
    kill -INT $pid 2>/dev/null
    wait $pid
    code=$?
done
[ $code = 130 ] || run_fail "the snapshot ended with $code, not with 130"
expect 0 dedup snapshots -s "$tried"
out_is
expect 0 dedup snapshot -s big big
expect 0 dedup restore big --target out
same big "out$PWD/big"
rm -rf out big

# nohup: who started us does not want that signal to count.
follow
(
    trap '' HUP
    exec "$DEDUP" cat "sparse:$PWD/src/sparse" >pipe 2>"$ERR"
) &
pid=$!
meanwhile $pid [ -e began ]
kill -HUP $pid
: >go
meanwhile $pid [ -e later ]
kill -TERM $pid
wait $pid
[ $? = 143 ] || run_fail "SIGTERM does not count after an ignored SIGHUP"
wait $follower

# How far is it? It goes on all the same.
follow
"$DEDUP" cat "sparse:$PWD/src/sparse" >pipe 2>"$ERR" &
pid=$!
meanwhile $pid [ -e began ]
kill -USR1 $pid
: >go
meanwhile $pid [ -e later ]
kill -TERM $pid
wait $pid
[ $? = 143 ] || run_fail "SIGUSR1 ended it"
wait $follower
exit 0
