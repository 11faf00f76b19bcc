# shellcheck shell=sh
# A second run of a series on this host: refused, waited for, or beside.
mkdir src
seq 1000 >src/file
new_repo repo

# begin NAME [ARG...]: a run of series s that goes on until there is NAME.go
begin() {
    name=$1
    shift
    # shellcheck disable=SC2016 # for the shell that is started
    "$DEDUP" snapshot -s s "$@" --command "$name" -- \
        sh -c 'echo "$1"; : >"$1.on"
            while [ -e "$1.on" ] && ! [ -e "$1.go" ]; do sleep 0.02; done' \
        sh "$name" 2>"$name.err" &
    pid=$!
    meanwhile $pid [ -e "$name.on" ]
}
# ended CODE: the run that was begun last
ended() {
    wait $pid
    run_got=$?
    [ $run_got = "$1" ] || run_fail "$(cat ./*.err): the run that was begun exited $run_got, not $1"
}
refused() {
    expect 75 "$@" snapshot -s s src
    err_like "dedup: snapshot: series 's' is being backed up by process $pid, since 20??-??-?? ??:??:??; wait for it with --wait DURATION, or run beside it with --parallel"
    out_is
}

begin a
refused dedup
refused env DEDUP_CACHE_DIR="$PWD/other.cache" "$DEDUP"
expect 75 dedup snapshot -s s --json src
out_like '{"v":1,"type":"error","exit":75,"message":"*process '"$pid"'*"}'
kill -STOP $pid # it may go on at any time
refused dedup
kill -CONT $pid
expect 6 dedup snapshot -s s --wait 1s src
err_like "dedup: snapshot: series 's' is still being backed up by process $pid, since *"
expect 6 dedup snapshot -s s --wait 0 src
expect 0 dedup snapshots
out_is
# another series, and other commands, have nothing to do with it
expect 0 dedup snapshot -s t src
expect 0 dedup check

# Beside it.
expect 0 dedup snapshot -s s --parallel src
: >a.go
ended 0
expect 0 dedup snapshots -s s
[ "$(wc -l <"$OUT")" = 3 ] || run_fail "not two snapshots"
expect 0 dedup snapshots -s s --json
[ "$(grep -c '"number":1,' "$OUT")" = 2 ] || run_fail "not two of one number"
expect 0 dedup cat "s~1:/a"
out_is a
expect 0 dedup restore s --target out
same src "out$PWD/src"
expect 0 dedup check --read-data

# Waited for: it begins when the other has ended.
begin b
"$DEDUP" snapshot -v -s s --wait 1h src 2>waits.err &
waits=$!
meanwhile $waits grep -q "waiting for process $pid" waits.err
: >b.go
ended 0
wait $waits || run_fail "$(cat waits.err)"
expect 0 dedup snapshots -s s --json
out_has '*"number":3,*'
expect 1 dedup snapshot --wait 1s --parallel src

# Interrupted while it waits.
begin c
"$DEDUP" snapshot -v -s s --wait 1h src 2>waits.err &
waits=$!
meanwhile $waits grep -q "waiting for process $pid" waits.err
kill -TERM $waits
wait $waits
[ $? = 143 ] || run_fail "SIGTERM does not end the waiting"

# Who has died stands in nobody's way: not even one that nobody has waited for.
kill -KILL $pid
: >c.go
expect 0 dedup snapshot -s s --wait 10s src
begin d
kill -KILL $pid
: >d.go
expect 0 env DEDUP_CACHE_DIR="$PWD/other.cache" "$DEDUP" snapshot -s s --wait 10s src
expect 0 env DEDUP_CACHE_DIR="$PWD/new.cache" "$DEDUP" snapshot -s s src

# Where a lock cannot be had, the journal tells.
lock=$(find repo.cache -name run-s)
[ -f "$lock" ] || run_fail "there is no lock"
rm "$lock"
mkdir "$lock"
journals() {
    find repo/w -type f | wc -l
}
had=$(journals)
begin e
# shellcheck disable=SC2317 # meanwhile calls it
opened() {
    [ "$(journals)" -gt "$had" ]
}
meanwhile $pid opened
grep -q . e.err && run_fail "$(cat e.err)"
refused dedup
: >e.go
ended 0
expect 0 dedup snapshot -v -s s src
err_has "dedup: snapshot: no lock for the series: *run-s: Is a directory"
rmdir "$lock"

# Whether a process of another pid namespace lives nobody can say.
unshare -p -f --mount-proc true 2>/dev/null || exit 0
begin f
expect 0 unshare -p -f --mount-proc env DEDUP_CACHE_DIR="$PWD/other.cache" \
    "$DEDUP" snapshot -s s src
: >f.go
ended 0
