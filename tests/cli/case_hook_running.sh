# shellcheck shell=sh
# Hooks and a second run of the series: it is refused before its hooks could do
# anything to what the first one reads.
# shellcheck disable=SC2016 # the hooks expand it
mkdir src
echo a >src/a
new_repo repo

# hold FILE: say that we are there, and wait until there is FILE.go
cat >hold <<'EOF'
#!/bin/sh
: >"$1.on"
while [ -e "$1.on" ] && ! [ -e "$1.go" ]; do sleep 0.02; done
EOF
chmod +x hold
# begin PLACE [ARG...]: a run with hooks that stays in before, run or after
begin() {
    place=$1
    shift
    rm -f ./*.on ./*.go log
    for p in before run after; do
        [ $p = "$place" ] || : >$p.go
    done
    "$DEDUP" snapshot "$@" --before 'echo first-before >>log; ./hold before' \
        --after 'echo "first-after $1" >>log; ./hold after' \
        --command name -- ./hold run 2>first.err &
    pid=$!
    meanwhile $pid [ -e "$place.on" ]
}
# refused ARG...: a second one
refused() {
    expect 75 dedup snapshot "$@" --before 'echo second-before >>log' \
        --after 'echo second-after >>log'
    err_like "dedup: snapshot: series * is being backed up by process $pid, *"
    ! grep second log || run_fail "while the first was in $place: $*"
}
for where in before run after; do
    begin $where -s s --allow-empty
    refused -s s src
    refused -s s -n src # its hooks are as real
    expect 6 dedup snapshot -s s --wait 0 --before 'echo second >>log' \
        --after 'echo second >>log' src
    ! grep second log || run_fail "--wait 0"
    : >$where.go
    wait $pid || run_fail "$(cat first.err)"
    [ "$(cat log)" = "first-before
first-after 0" ] || run_fail "$(cat log)"
done

# Without a name the series is the same, also while the paths are not there yet.
begin before --allow-empty
refused --stdin name
: >before.go
wait $pid || run_fail "$(cat first.err)"
"$DEDUP" snapshot --before './hold late; mkdir late; echo b >late/b' \
    --after 'rm -r late' late 2>first.err &
pid=$!
place=before
meanwhile $pid [ -e late.on ]
refused late
: >late.go
wait $pid || run_fail "$(cat first.err)"
[ ! -e late ] || run_fail "--after was not run"
# ... and is not made of what --before puts there.
expect 0 dedup snapshot --before 'mkdir today; echo c >today/c; ln -s today link' \
    --after 'rm -r today link' link/
expect 0 dedup snapshots
out_has "*link*"
! grep today "$OUT" || run_fail "a series for each day"
expect 0 dedup snapshot --print-id --before 'mkdir shot; echo d >shot/d' \
    --after 'rm -r shot' --as-path /srv/data shot
expect 0 dedup cat "$(hostname)@srv-data:/srv/data/d"
out_is d

# Waited for: the hooks of the second follow those of the first.
begin run -s s --allow-empty
"$DEDUP" snapshot -v -s s --wait 1h --before 'echo second-before >>log' \
    --after 'echo second-after >>log' src 2>waits.err &
waits=$!
meanwhile $waits grep -q "waiting for process $pid" waits.err
: >run.go
wait $pid || run_fail "$(cat first.err)"
wait $waits || run_fail "$(cat waits.err)"
[ "$(xargs <log)" = "first-before first-after 0 second-before second-after" ] ||
    run_fail "$(cat log)"
# Interrupted while it waits it has had no hook.
begin run -s s --allow-empty
"$DEDUP" snapshot -v -s s --wait 1h --before 'echo second >>log' \
    --after 'echo second >>log' src 2>waits.err &
waits=$!
meanwhile $waits grep -q "waiting for process $pid" waits.err
kill -TERM $waits
wait $waits
[ $? = 143 ] || run_fail "not 143"
! grep second log || run_fail "hooks of a run that never began"
# Beside it they run, since that was asked for.
expect 0 dedup snapshot -s s --parallel --before 'echo second >>log' src
grep -q second log || run_fail "--parallel"
: >run.go
wait $pid || run_fail "$(cat first.err)"

# --before may bring the repository, and --after take it away.
mv repo away
expect 4 dedup snapshot -s s --after 'echo x >>gone.log' src
[ ! -e gone.log ] || run_fail "there was nothing to tidy up"
expect 0 dedup snapshot -s s --before 'mv away repo' --after 'mv repo away' src
expect 4 dedup snapshot -s s --before : --after 'echo "$1" >code' src
[ "$(cat code)" = 4 ] || run_fail "exit code $(cat code)"

# A signal while --after of a job runs: it is ended in peace, and no other job
# begins.
mv away repo
cat >c.yaml <<EOF
jobs:
  - { name: a, paths: $PWD/src, after: './hold a; echo a-end >>order' }
  - { name: b, paths: $PWD/src, before: 'echo b >>order', after: 'echo b-end >>order' }
EOF
env --default-signal=INT true 2>/dev/null || skip "env knows no --default-signal"
"$DEDUP" --config c.yaml snapshot --all-jobs 2>first.err &
pid=$!
meanwhile $pid [ -e a.on ]
kill -TERM $pid
: >a.go
wait $pid
[ $? = 143 ] || run_fail "not 143: $(cat first.err)"
[ "$(cat order)" = a-end ] || run_fail "$(cat order)"
