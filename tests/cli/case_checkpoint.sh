# shellcheck shell=sh
# A run that is interrupted leaves a checkpoint; what shows it, what does not,
# and how the next run goes on.
env --default-signal=INT true 2>/dev/null ||
    skip "env knows no --default-signal"
mkdir src
for i in $(seq 1 200); do
    head -c 3000 /dev/urandom >"src/file-$i"
done
seq 1000000 4000000 >src/huge # level 19 gives it enough to do
for i in $(seq 1 50); do
    head -c 3000 /dev/urandom >"src/then-$i"
done
sleep 0.1 # what changed just now is not taken for unchanged
new_repo repo --compression 19

# Its huge file is open, and what came before it has ended.
# shellcheck disable=SC2317 # meanwhile calls them
reads_huge() {
    find "/proc/$pid/fd" -lname '*/src/huge' 2>/dev/null | grep -q .
}
# shellcheck disable=SC2317
has_ended() {
    kill -USR1 "$pid"
    grep -qE " $before(/[0-9]+)? files " "$ERR"
}
# stopped SIGNAL CODE BEFORE ARG...: a snapshot that gets the signal in the huge
# file, before which there are so many
stopped() {
    signal=$1
    want=$2
    before=$3
    shift 3
    env --default-signal=INT "$DEDUP" snapshot "$@" >"$OUT" 2>"$ERR" &
    pid=$!
    meanwhile $pid reads_huge
    meanwhile $pid has_ended
    kill -s "$signal" $pid
    wait $pid
    code=$?
    run_line="snapshot $*, stopped by $signal"
    [ $code = "$want" ] || run_fail "$run_line: exit $code"
    # without what SIGUSR1 asked for
    tail -n 1 "$ERR" >last && cp last "$ERR"
}

stopped INT 130 200 -s s src
err_like 'dedup: snapshot: stopped by SIGINT; kept as checkpoint ????????: 200 files, 600 kB; the same command goes on from there'
out_is

# It counts for nobody who does not ask for it.
expect 0 dedup snapshots
out_is
err_is "dedup: snapshots: warning: there are no complete snapshots, but 1 checkpoint: see --all"
expect 0 dedup snapshots --json
out_is
expect 0 dedup snapshots --all
out_has '*  s * 200  600 kB  * (checkpoint)'
c=$(sed -n '2s/ .*//p' "$OUT")
expect 0 dedup snapshots --all --json
out_has '*"complete":false,"superseded":false,*'
for snap in latest s "$(date -u +%F)" latest~1; do
    for command in ls "restore --target no"; do
        # shellcheck disable=SC2086 # two words
        expect 1 dedup $command "$snap"
    done
done
[ ! -e no ] || run_fail "something was restored"
expect 1 dedup ls s
err_is "dedup: ls: the series 's' has no complete snapshot yet, only checkpoints of runs that did not end: 'dedup snapshots --all' lists them, and with --all or by its id one can be used"
expect 1 dedup ls latest
err_is "dedup: ls: there is no complete snapshot yet, only checkpoints of runs that did not end: 'dedup snapshots --all' lists them, and with --all or by its id one can be used"

# Those who ask get it, and are told what it is.
for snap in "$c" "--all latest" "--all s" "--all $(date -u +%F)"; do
    # shellcheck disable=SC2086
    expect 0 dedup ls $snap:"$PWD/src"
    [ "$(wc -l <"$OUT")" = 200 ] || run_fail "not 200 files in $snap"
    err_like "dedup: ls: warning: $c is a checkpoint of a run that did not end: what it had not come to is missing"
    # shellcheck disable=SC2086
    expect 0 dedup cat $snap:"$PWD/src/file-7"
    cmp -s "$OUT" src/file-7 || run_fail "file-7 is not what it was"
done
expect 10 dedup restore --all s --target out --delete
[ ! -e out ] || run_fail "something was restored"
expect 0 dedup restore --all s --target out
for f in out"$PWD"/src/*; do
    cmp -s "$f" "src/${f##*/}" || run_fail "$f is not what it was"
done
rm -r out
expect 0 dedup check --read-data

# A second one goes on: nothing new is finished, and it says so.
stopped TERM 143 200 -s s src
err_is "dedup: snapshot: stopped by SIGTERM; nothing new was finished; the same command goes on from checkpoint $c"
expect 0 dedup snapshots --all
[ "$(wc -l <"$OUT")" = 2 ] || run_fail "not one checkpoint"

# Without checkpoints there is none; nor for a series of which nothing is done.
stopped INT 130 200 --checkpoint 0 -s none src
err_is "dedup: snapshot: stopped by SIGINT; there is no snapshot"
stopped INT 130 0 -s nothing src/huge
err_is "dedup: snapshot: stopped by SIGINT; nothing new was finished, and nothing kept"
expect 0 dedup snapshots --all
[ "$(wc -l <"$OUT")" = 2 ] || run_fail "not one checkpoint"

# The next run goes on from it, says so, and takes its place.
expect 0 dedup snapshot -v -s s src
err_has "dedup: snapshot: resumed from checkpoint $c: 200 files of it, 600 kB, were not read again"
err_has "dedup: snapshot: 200 files unchanged; *"
expect 0 dedup snapshots
[ "$(wc -l <"$OUT")" = 2 ] || run_fail "not one snapshot"
expect 0 dedup snapshots --all
out_has "$c *(superseded checkpoint)"
expect 0 dedup ls --all "s:$PWD/src"
err_is
expect 0 dedup ls "$c:$PWD/src" # as long as it is there
expect 0 dedup restore s --target out
same src "out$PWD/src"
rm -r out
expect 0 dedup check --read-data -v
err_has "dedup: check: 1 snapshots, *"

# An interrupted incremental run: JSON tells of both ends.
sleep 0.1
for i in 1 2 3; do
    echo new >"src/file-$i"
done
seq 4000000 7000000 >src/huge
stopped TERM 143 200 --json -s s src
out_has '{"v":1,"type":"checkpoint","id":"*","time":"*","files":200,*'
out_has '{"v":1,"type":"error","exit":143,"message":"stopped by SIGTERM; kept as checkpoint *"}'
c=$(sed -n 's/.*"type":"checkpoint","id":"\([0-9a-f]*\)".*/\1/p' "$OUT")
expect 0 dedup snapshot --json -s s src
out_has '*"unchanged_files":250,*'
out_has '*"checkpoints":0,"resumed_from":"'"$c"'","resumed_files":200,*'
expect 0 dedup restore s --target out
same src "out$PWD/src"

# Every so often while it runs: how often is up to the machine.
expect 0 dedup snapshot -f -s often --checkpoint 1s --json src
for bad in 5 1x '' -1s; do
    expect 1 dedup snapshot --checkpoint "$bad" src
done
expect 1 dedup snapshot --checkpoint 1s --stdin x
err_has "*--checkpoint does not go with --stdin"
