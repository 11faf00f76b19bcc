# shellcheck shell=sh
# What a command prints as one file of a snapshot, which exists only if the
# command succeeded.
# shellcheck disable=SC2016,SC2094,SC2317 # sh -c expands it; a name, not a
# file; expect calls what looks unreachable
env --default-signal=INT true 2>/dev/null ||
    skip "env knows no --default-signal"
new_repo repo
count() {
    dedup snapshots | wc -l
}
taken() {
    name=$1
    shift
    dedup snapshot --command "$name" -- "$@"
}
# failed GLOB ARG...: exit 2, that message, and no snapshot more
failed() {
    like=$1
    shift
    before=$(count)
    expect 2 taken failed "$@"
    err_has "$like"
    [ "$(count)" = "$before" ] || run_fail "'$*': a snapshot was committed"
}

expect 0 taken seq.txt seq 100000
err_is
seq 100000 >want
expect 0 dedup cat latest:/seq.txt
cmp -s "$OUT" want || run_fail "cat gives other bytes"

# argv, not a shell; no input; none of our secrets, no descriptor of ours.
expect 0 taken argv printf '%s|' 'a b' '$HOME' '*' '' '"'
expect 0 dedup cat latest:/argv
[ "$(cat "$OUT")" = 'a b|$HOME|*||"|' ] || run_fail "argv is not what was given"
expect 0 taken input wc -c
expect 0 dedup cat latest:/input
out_is 0
echo pass >pass
secret() {
    DEDUP_PASSPHRASE=hidden DEDUP_PASSPHRASE_FILE=pass \
        DEDUP_PASSPHRASE_COMMAND=hidden dedup snapshot --command "$@" 5<pass
}
expect 0 secret env -- env
expect 0 dedup cat latest:/env
grep -q '^HOME=' "$OUT" || run_fail "the environment is not passed on"
grep -q 'DEDUP_PASSPHRASE\|hidden' "$OUT" && run_fail "a secret was passed on"
expect 0 secret fds -- sh -c 'for f in /proc/$$/fd/*; do echo "${f##*/}"; done'
expect 0 dedup cat latest:/fds
grep -qx '[5-9]' "$OUT" && run_fail "it got a descriptor: $(cat "$OUT")"

# What fails leaves nothing.
failed "*false: exit code 1: nothing was committed*" false
failed "*sh: exit code 7: *the last it said: no more*" \
    sh -c 'seq 1000; echo first >&2; echo no more >&2; exit 7'
err_has "*warning: sh: first"
failed "*sh: ended by signal 9 (Killed)*" sh -c 'seq 300000; kill -9 $$'
failed "*true: not one byte*" true
expect 0 dedup snapshot --allow-empty --command none -- true
expect 1 taken x "$PWD/no-such-program"
err_has "*no-such-program: No such file*"
expect 1 taken x no-such-program-in-path
expect 1 taken x "$PWD"
err_has "*Permission denied*"
expect 1 dedup snapshot --command x
err_has "*CMD is missing*"
expect 1 taken a/../b true
expect 1 dedup snapshot --command x ls -v /
err_has "*put -- before 'ls'*"

# Whoever starts us with SIGCHLD ignored does not mean the command by it.
expect 0 env --ignore-signal=CHLD "$DEDUP" snapshot --command x -- echo x

# Its standard error comes through, escaped.
expect 0 taken noisy sh -c 'printf "\033[31mred\n\n" >&2; printf tail >&2; echo x'
plain "$ERR"
err_has "dedup: snapshot: warning: sh: *red"
err_has "dedup: snapshot: warning: sh: tail"
# ... and however much it is
expect 0 taken loud sh -c 'seq 30000 >&2; echo x'
[ "$(wc -l <"$ERR")" = 30000 ] || run_fail "lines of its standard error are lost"

# It closes its output and goes on: its exit code decides.
expect 0 taken late sh -c 'echo x; exec >&-; sleep 0.3'
failed "*exit code 3*" sh -c 'echo x; exec >&-; sleep 0.3; exit 3'
failed "*exit code 3*" sh -c 'echo x; exec >&- 2>&-; sleep 0.3; exit 3'

# A child that holds the output is waited for; one that holds only standard
# error is not.
expect 0 taken child sh -c '(sleep 0.5; echo child) & echo parent'
expect 0 dedup cat latest:/child
out_is "parent
child"
expect 0 timeout 60 "$DEDUP" snapshot --command err -- \
    sh -c 'echo $$ >group; sleep 300 >/dev/null & echo $! >sleeper; echo x'
kill "$(cat sleeper)"
# ... but not for the child of a command that failed.
failed "*exit code 4*" sh -c 'sleep 300 & echo $! >sleeper; echo x; exit 4'
gone() {
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}
wait_gone() {
    for _ in $(seq 500); do
        gone "$1" && return
        sleep 0.02
    done
    run_fail "process $1 was left behind"
}
wait_gone "$(cat sleeper)"

# Killed in the middle, by somebody else.
mkfifo hold
before=$(count)
"$DEDUP" snapshot --command big -- \
    sh -c 'echo $$ >pid.new; mv pid.new pid; seq 2000000; cat hold' 2>"$ERR" &
job=$!
meanwhile $job [ -s pid ]
kill -9 "$(cat pid)"
wait $job
[ $? = 2 ] || run_fail "kill -9 of the command was not noticed"
grep -q 'ended by signal 9' "$ERR" || run_fail "the signal is not named"
[ "$(count)" = "$before" ] || run_fail "a snapshot was committed"

# How far is it? What has come of a file that has not ended counts.
rm -f pid
"$DEDUP" snapshot --command big -- sh -c \
    'head -c 300000000 /dev/zero; echo $$ >pid.new; mv pid.new pid; cat hold' 2>"$ERR" &
job=$!
meanwhile $job [ -s pid ]
asked() {
    kill -USR1 "$job" && grep -q '\(29[0-9]\|300\) MB' "$ERR"
}
meanwhile $job asked
echo >hold
wait $job || run_fail "SIGUSR1 ended it"
before=$(count)

# We are asked to stop: so is the command, and what it started; one that does
# not listen is killed.
for how in INT TERM; do
    rm -f pid sleeper
    env --default-signal=INT "$DEDUP" snapshot --command big -- \
        sh -c 'sleep 300 & echo $! >sleeper; echo $$ >pid.new; mv pid.new pid
            seq 100000; wait' 2>"$ERR" &
    job=$!
    meanwhile $job [ -s pid ]
    kill -s $how $job
    wait $job
    code=$?
    [ $code = 130 ] || [ $code = 143 ] || run_fail "$how: exit $code"
    gone "$(cat pid)" || run_fail "$how: the command is still there"
    wait_gone "$(cat sleeper)"
done
rm -f pid
"$DEDUP" snapshot --command big -- \
    sh -c 'trap "" TERM; echo $$ >pid.new; mv pid.new pid
        while :; do sleep 1; done' 2>"$ERR" &
job=$!
meanwhile $job [ -s pid ]
kill -TERM $job
wait $job
[ $? = 143 ] || run_fail "a command that ignores SIGTERM"
gone "$(cat pid)" || run_fail "it is still there"
[ "$(count)" = "$before" ] || run_fail "a snapshot was committed"

# A stream nearly like the last stores what changed: 200 MB with one edit.
numbers() {
    taken numbers sh -c "seq 26000000 | head -c 200000000 $1"
}
expect 0 numbers ""
expect 0 dedup snapshot --json --command numbers -- \
    sh -c "seq 26000000 | head -c 200000000 | sed '10000000s/^/edited/'"
stored=$(sed -n 's/.*"type":"snapshot".*"stored_bytes":\([0-9]*\).*/\1/p' "$OUT")
[ "${stored:-9999999}" -lt 2000000 ] || run_fail "$stored bytes were stored"
[ "$stored" -gt 0 ] || run_fail "the edit was not stored"
sum() {
    dedup cat latest:/numbers | cksum
}
want=$(sh -c "seq 26000000 | head -c 200000000 | sed '10000000s/^/edited/'" | cksum)
expect 0 sum
out_is "$want"

# However fast it writes, memory stays bounded.
rm -f go
"$DEDUP" snapshot --command zeros -- sh -c \
    'head -c 1073741824 /dev/zero; echo $PPID >peak.new; cat /proc/$PPID/status >peak' &
job=$!
wait $job || run_fail "1 GiB at once"
anon=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' peak)
[ "${anon:-999999}" -lt 150000 ] || run_fail "RssAnon: $anon kB"

# A repository without room: that is the error, and no process is left.
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=24m none small 2>/dev/null; then
    export DEDUP_KEY_FILE="$PWD/small.key"
    expect 0 dedup -r small/repo init
    rm -f pid
    expect 7 dedup -r small/repo snapshot --command random -- \
        sh -c 'echo $$ >pid; cat /dev/urandom'
    gone "$(cat pid)" || run_fail "it is still there"
    expect 0 dedup -r small/repo snapshots
    out_is
    umount small
    export DEDUP_KEY_FILE="$PWD/repo.key"
fi
expect 0 dedup check
exit 0
