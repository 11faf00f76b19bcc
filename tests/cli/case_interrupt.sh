# shellcheck shell=sh
# A signal at any moment: what is left is nothing or a checkpoint, which is a
# part of the source to the last bit; the exit code says the signal; it takes
# seconds; and the next run ends well.
env --default-signal=INT true 2>/dev/null ||
    skip "env knows no --default-signal"
odd src
for i in $(seq 1 20); do
    mkdir "src/m$i"
    for k in $(seq 1 15); do
        echo "$i $k" >"src/m$i/$k"
    done
done
seq 1000000 3000000 >src/n
sleep 0.1 # what changed just now is not taken for unchanged
# A machine that is loaded needs its time; minutes are not seconds.
SECONDS_MAX=60

# tells FILE MEMBER: the value of a member in a line of JSON, but for lines about
# what is superseded
tells() {
    sed -n "/\"superseded\":true/d; s/.*\"$2\":\"\{0,1\}\([^,\"}]*\).*/\1/p" "$1" | tail -n 1
}

# A run takes so many ms; the signal comes at 1, 4, 9 ... 100 percent of that.
new_repo base --compression 12
cp -a base first
begun=$(date +%s%N)
expect 0 env DEDUP_REPO="$PWD/first" DEDUP_CACHE_DIR="$PWD/first.cache" \
    "$DEDUP" snapshot -s s src
ms=$((($(date +%s%N) - begun) / 1000000))
kept=0
nothing=0
ended=0
for round in $(seq 1 10); do
    rm -rf repo repo.cache
    cp -a base repo
    export DEDUP_REPO="$PWD/repo" DEDUP_CACHE_DIR="$PWD/repo.cache"
    env --default-signal=INT "$DEDUP" snapshot -s s --json \
        --checkpoint 1s src >json 2>"$ERR" &
    pid=$!
    sleep "$(echo "$round $ms" | awk '{ print $1 * $1 * $2 / 100000 }')"
    begun=$(date +%s)
    if [ $((round % 2)) = 0 ]; then
        signal=INT want=130
    else
        signal=TERM want=143
    fi
    kill -s $signal $pid 2>/dev/null
    wait $pid
    code=$?
    cp "$ERR" at-once
    took=$(($(date +%s) - begun))
    [ $took -lt $SECONDS_MAX ] || run_fail "it took $took s to end"
    if [ $code = 0 ]; then
        ended=$((ended + 1))
        expect 0 dedup restore s --target out
        restored src "out$PWD/src"
        run_remove out
        continue
    fi
    [ $code = $want ] || run_fail "after $signal in round $round: exit $code"
    expect 0 dedup snapshots -s s
    out_is
    expect 0 dedup snapshots --all --json
    if [ -s "$OUT" ]; then
        kept=$((kept + 1))
        files=$(tells "$OUT" files)
        [ "$files" -gt 0 ] || run_fail "an empty checkpoint"
        grep -q '"type":"error","exit":'$want',.*kept as checkpoint' json ||
            run_fail "it does not say what it kept: $(cat json)"
        expect 0 dedup restore --all s --target out
        restored --part src "out$PWD/src"
        [ "$(find out -type f -printf . | wc -c)" = "$files" ] ||
            run_fail "not $files files"
        run_remove out
    else
        nothing=$((nothing + 1))
        files=
        # one that ended before it listened to signals says nothing at all
        grep -q '"type":"error","exit":'$want',' json ||
            [ ! -s at-once ] ||
            run_fail "no line of JSON: $(cat json)"
    fi
    expect 0 dedup check --read-data
    expect 0 dedup snapshot -s s --json src
    [ "$(tells "$OUT" resumed_files)" = "$files" ] ||
        run_fail "it did not go on from $files files"
    expect 0 dedup restore s --target out
    restored src "out$PWD/src"
    run_remove out
done
echo "$kept checkpoints, $nothing nothing, $ended ended"
[ $kept -gt 0 ] || run_fail "no signal met a run that had finished anything"

# Killed, it leaves what it had committed before: the next run goes on there.
seq 2000000 14000000 >src/o # more to do than a few seconds take
sleep 0.1
rm -rf repo repo.cache
cp -a base repo
"$DEDUP" snapshot -s s --checkpoint 1s src 2>"$ERR" &
pid=$!
# shellcheck disable=SC2317 # meanwhile calls it
committed() {
    env DEDUP_CACHE_DIR="$PWD/looks" "$DEDUP" snapshots --all | grep -q .
}
meanwhile $pid committed
kill -KILL $pid
wait $pid
[ $? = 137 ] || run_fail "it had ended before it was killed"
expect 0 dedup snapshots
out_is
expect 0 dedup snapshots --all --json
files=$(tells "$OUT" files)
[ "$files" -gt 0 ] || run_fail "no checkpoint"
expect 0 dedup restore --all s --target out
restored --part src "out$PWD/src"
run_remove out
expect 0 dedup check --read-data
expect 0 dedup snapshot -s s --json src
[ "$(tells "$OUT" resumed_files)" = "$files" ] || run_fail "it did not go on"
expect 0 dedup restore s --target out
restored src "out$PWD/src"

# A stream is a whole or nothing; what it is made of ends, too.
for signal in INT TERM; do
    env --default-signal=INT "$DEDUP" snapshot -s stream --checkpoint 1s \
        --command x -- true >"$OUT" 2>"$ERR"
    [ $? = 1 ] || run_fail "--checkpoint with --command"
    # shellcheck disable=SC2016
    env --default-signal=INT "$DEDUP" snapshot -s stream --command x -- \
        sh -c 'seq 1000000 2000000; : >on; exec sleep 1000' 2>"$ERR" &
    pid=$!
    meanwhile $pid [ -e on ]
    kill -s $signal $pid
    wait $pid
    code=$?
    [ $code = 130 ] || [ $code = 143 ] || run_fail "a stream: exit $code"
    grep -q 'there is no snapshot$' "$ERR" || run_fail "$(cat "$ERR")"
    rm on
    expect 0 dedup snapshots --all -s stream
    out_is
done
mkfifo pipe
"$DEDUP" snapshot -s stream --stdin x <pipe 2>"$ERR" &
pid=$!
exec 7>pipe
seq 100000 >&7
kill -TERM $pid
wait $pid
code=$?
exec 7>&-
[ $code = 143 ] || run_fail "standard input: exit $code"
expect 0 dedup snapshots --all -s stream
out_is
