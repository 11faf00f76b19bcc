# shellcheck shell=sh
# A signal ends a command between two steps, with 128 + its number; the
# repository is as it was, and the next run goes on.
env --default-signal=INT true 2>/dev/null ||
    skip "env knows no --default-signal"
mkdir src
new_repo repo --compression 19
truncate -s 4T src/sparse
expect 0 dedup snapshot -s sparse src

# stopped SIGNAL CODE COMMAND...: the command gets the signal while it works
stopped() {
    signal=$1
    want=$2
    shift 2
    # a shell's background jobs ignore SIGINT; this one must not
    env --default-signal=INT "$@" >/dev/null 2>"$ERR" &
    pid=$!
    sleep 0.5
    kill -s "$signal" $pid || run_fail "'$*' had ended before"
    wait $pid
    code=$?
    [ $code = "$want" ] || run_fail "'$*' after $signal: exit $code"
}
stopped INT 130 "$DEDUP" cat "sparse:$PWD/src/sparse"
stopped TERM 143 "$DEDUP" cat "sparse:$PWD/src/sparse"
stopped HUP 129 "$DEDUP" cat "sparse:$PWD/src/sparse"
grep -q 'dedup: cat: ' "$ERR" || run_fail "nothing was said"

# A snapshot: nothing is committed, and the next one is whole.
# Level 19 makes a little data last long enough.
mkdir big
for i in 1 2 3 4; do
    seq "${i}000000" "${i}300000" >"big/numbers$i"
done
env --default-signal=INT "$DEDUP" snapshot -s big big 2>"$ERR" &
pid=$!
sleep 0.4
kill -INT $pid || run_fail "the snapshot had ended before"
wait $pid
[ $? = 130 ] || run_fail "the snapshot did not end with 130"
expect 0 dedup snapshots -s big
out_is
expect 0 dedup snapshot -s big big
expect 0 dedup restore big --target out
same big "out$PWD/big"
rm -rf out big

# nohup: who started us does not want that signal to count.
(
    trap '' HUP
    exec "$DEDUP" cat "sparse:$PWD/src/sparse" >/dev/null 2>"$ERR"
) &
pid=$!
sleep 0.5
kill -HUP $pid
sleep 0.3
kill -0 $pid 2>/dev/null || run_fail "an ignored SIGHUP ended it"
kill -TERM $pid
wait $pid
[ $? = 143 ] || run_fail "SIGTERM does not count after an ignored SIGHUP"

# How far is it?
"$DEDUP" cat "sparse:$PWD/src/sparse" >/dev/null 2>"$ERR" &
pid=$!
sleep 0.3
kill -USR1 $pid
sleep 0.3
kill -0 $pid 2>/dev/null || run_fail "SIGUSR1 ended it"
kill -TERM $pid
wait $pid
exit 0
