# shellcheck shell=sh
# What a run leaves to others: limits of the rate, of cores, and of priority.
# Times have one bound only, far from what is asked for: a machine may be slow.
env --default-signal=INT true 2>/dev/null ||
    skip "env knows no --default-signal"
mkdir src
head -c 6000000 /dev/urandom >src/large
for i in $(seq 50); do
    seq "$i" $((i + 2000)) >"src/$i"
done
sleep 0.1 # what changed just now is not taken for unchanged
new_repo repo

# takes AT_LEAST_MS COMMAND...
takes() {
    takes_ms=$1
    shift
    begun=$(date +%s%N)
    expect 0 "$@"
    ms=$((($(date +%s%N) - begun) / 1000000))
    [ "$ms" -ge "$takes_ms" ] ||
        run_fail "'$*' took $ms ms, not $takes_ms: it was not held back"
}

# What is asked for takes 1.5 s and more each time; a piece a core goes at once.
takes 700 dedup snapshot -s read --limit-read 4M src
expect 0 dedup snapshot -s first src
takes 400 dedup restore read --target read --limit-read 4M
same src "read$PWD/src"
takes 700 dedup restore read --target write --limit-write 4M
same src "write$PWD/src"
takes 400 dedup check --read-data --limit-read 4M
takes 400 dedup check --keyless --limit-read 4M
new_repo second
takes 700 dedup snapshot -s write --limit-write 4M src
takes 400 dedup export write --format tar --limit-read 4M
head -c 6000000 /dev/urandom >stream
takes 700 sh -c "'$DEDUP' snapshot --stdin s --limit-read 4M <stream"
expect 0 dedup cat "latest:/s" --all
# Prune reads and writes as much: half of what it finds is not needed any more.
mkdir files
for i in $(seq 60); do
    head -c 200000 /dev/urandom >"files/$i"
done
for limit in --limit-read --limit-write; do
    new_repo "prune$limit"
    expect 0 dedup snapshot -s p files
    mkdir rest
    mv files/*[0-4] rest
    expect 0 dedup snapshot -s p files
    mv rest/* files
    rmdir rest
    expect 0 dedup forget -s p --keep-last 1
    takes 400 dedup prune --max-unused 0 "$limit" 4M
    expect 0 dedup check --read-data
done
# 0 is none, as is what nothing can reach.
expect 0 dedup snapshot --limit-read 0 --limit-write 1E src

# A wait of ten minutes ends with the signal.
new_repo third
for limit in --limit-read --limit-write; do
    timeout 60 env --default-signal=INT "$DEDUP" snapshot "$limit" 16K src \
        >"$OUT" 2>"$ERR" &
    pid=$!
    sleep 1
    pkill -INT -P $pid
    wait $pid
    rc=$?
    [ $rc = 130 ] || run_fail "interrupted in a wait it exited with $rc"
done
expect 0 dedup snapshot src
expect 0 dedup check --read-data

# What is no rate, and no number.
for wrong in "--limit-read 1" "--limit-write 16383" "--limit-read x" \
    "--cpu 0" "--cpu -1" "--cpu many" "--cpu 65537"; do
    # shellcheck disable=SC2086 # an option and its value
    expect 1 dedup snapshot $wrong src
    err_has "*${wrong%% *}*"
done
expect 0 dedup snapshot --cpu 1 --force src
# threads OPTION...: those of a run that is held back
threads() {
    "$DEDUP" snapshot --limit-read 16K --force "$@" src >"$OUT" 2>"$ERR" &
    pid=$!
    sleep 1
    n=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)
    kill -TERM $pid
    wait $pid || :
    echo "$n"
}
if [ "$(nproc)" -gt 1 ]; then # one for the pipeline, one that walks ahead
    one=$(threads --cpu 1)
    [ "$(threads --cpu 2)" -ge $((one + 2)) ] || run_fail "--cpu 1: $one threads"
fi
expect 0 dedup restore latest --target one --cpu 1
same src "one$PWD/src"
expect 0 dedup check --read-data --cpu 4096

# Priorities, of what it starts, too; never higher than what was there.
ten=$(nice)
[ "$ten" -gt 10 ] || ten=10
# shellcheck disable=SC2016 # for the shell that is started
look='nice; ps -o cls= -p $$; ionice'
expect 0 dedup snapshot --nice --before "{ $look; } >before" src
grep -qx "$ten" before || run_fail "not nice: $(cat before)"
grep -q 'best-effort: prio 7' before || run_fail "I/O: $(cat before)"
grep -qx ' *B' before || run_fail "not of the batch class: $(cat before)"
expect 0 nice -n 15 ionice -c 3 "$DEDUP" snapshot --nice \
    --before "{ $look; } >before" src
grep -qx "$(nice -n 15 nice)" before || run_fail "less nice than it was: $(cat before)"
grep -qx idle before || run_fail "I/O is not idle any more: $(cat before)"
if chrt -f 10 true 2>/dev/null; then
    expect 0 chrt -f 10 "$DEDUP" snapshot --nice --before "{ $look; } >before" src
    grep -qx ' *B' before || run_fail "realtime still: $(cat before)"
fi
expect 0 dedup snapshot --before "{ $look; } >before" src
[ "$(head -n 1 before)" = "$(nice)" ] || run_fail "nice unasked: $(cat before)"

# The configuration says it for all, or for one job.
cat >c.yaml <<EOF
nice: true
limit-write: 1G
jobs:
  - name: held
    paths: [$PWD/src]
    series: held
    limit-read: 4M
EOF
takes 700 dedup --config c.yaml snapshot --job held \
    --before "{ $look; } >before"
grep -qx "$ten" before || run_fail "the configuration's nice does not count"
echo "limit-read: 12" >c.yaml
expect 1 dedup --config c.yaml snapshot src
err_has "*c.yaml:1: limit-read*16K*"
