# shellcheck shell=sh
# What runs before and after a snapshot, and what it makes of the exit code.
# shellcheck disable=SC2016 # the hooks expand it
mkdir src
echo a >src/a
new_repo repo

# What it makes ready is there when the paths are looked for.
expect 0 dedup snapshot -s s --before 'mkdir late && echo b >late/b' \
    --after 'rm -r late; echo "$1" >code' late
[ ! -e late ] || run_fail "--after was not run"
[ "$(cat code)" = 0 ] || run_fail "exit code $(cat code)"
expect 0 dedup cat "s:$PWD/late/b"
out_is b

# Standard output is data.
expect 0 dedup snapshot -s s --print-id --before 'echo to-out' --after 'echo to-err >&2' src
[ "$(wc -l <"$OUT")" = 1 ] || run_fail "more than the id"
err_is "to-out
to-err"

# Without its 0 nothing is backed up; --after has its turn.
expect 2 dedup snapshot -s none --before 'exit 3' --after 'echo "$1" >code' src
err_is "dedup: snapshot: --before, so nothing was backed up: exit code 3"
[ "$(cat code)" = 2 ] || run_fail "exit code $(cat code)"
expect 2 dedup snapshot -s none --before 'kill -9 $$' src
err_like "*ended by signal 9"
expect 75 dedup snapshot -s none --before 'exit 75' src
err_like "*--before: it asks for a later time*"
expect 0 dedup snapshots -s none
out_is

# What failed first stands.
expect 1 dedup snapshot -s none --after 'echo "$1" >code; exit 9' nowhere
err_has "dedup: snapshot: warning: --after: exit code 9"
err_has "dedup: snapshot: $PWD/nowhere: no such file or directory"
[ "$(cat code)" = 1 ] || run_fail "exit code $(cat code)"
expect 2 dedup snapshot -s s --after 'exit 9' src
err_is "dedup: snapshot: --after: exit code 9; the snapshot was made"
expect 0 dedup ls s

# No secret, no input, no descriptor that we were given.
echo s3cret >pass
expect 0 env DEDUP_PASSPHRASE=s3cret DEDUP_PASSPHRASE_FILE=x "$DEDUP" snapshot -s s \
    --before 'env >seen; cat >input; cat >stolen <&7; :' \
    --after 'cat >>stolen <&7; :' src 7<pass
[ -e stolen ] || run_fail "it did not try"
[ ! -s stolen ] || run_fail "it could read our descriptors"
! grep -q DEDUP_PASSPHRASE seen || run_fail "it saw a passphrase"
[ ! -s input ] || run_fail "it had an input"

# A signal ends --before, and --after tidies up.
env --default-signal=INT true 2>/dev/null || skip "env knows no --default-signal"
env --default-signal=INT "$DEDUP" snapshot -s s --before ': >on; exec sleep 1000' \
    --after 'echo "$1" >code' src 2>"$ERR" &
pid=$!
meanwhile $pid [ -e on ]
kill -TERM $pid
wait $pid
[ $? = 143 ] || run_fail "not 143"
[ "$(cat code)" = 143 ] || run_fail "exit code $(cat code)"

# In jobs too, each its own.
cat >c.yaml <<EOF
jobs:
  - { name: a, paths: $PWD/src, before: 'echo a >>order', after: 'echo a-end >>order' }
  - { name: b, paths: $PWD/src, before: 'exit 1', after: 'echo b-end >>order' }
EOF
expect 2 dedup --config c.yaml snapshot --all-jobs
[ "$(tr '\n' ' ' <order)" = "a a-end b-end " ] || run_fail "$(cat order)"
expect 0 dedup --config c.yaml config show
! grep -q 'echo' "$OUT" || run_fail "a command was shown"

# On a terminal it may ask, and ctrl-C reaches it.
command -v script >/dev/null || exit 0
cat >ask <<'EOF'
#!/bin/sh
printf 'line 1: ' >/dev/tty
read -r x </dev/tty
echo "$x" >answer
EOF
chmod +x ask
cat >t.yaml <<EOF
jobs: [ { name: t, paths: $PWD/src, before: ./ask, after: 'echo "\$1" >code' } ]
EOF
rm code
expect 0 on_terminal 'yes\n' "$DEDUP" --config t.yaml snapshot
[ "$(cat answer)" = yes ] || run_fail "the answer"
[ "$(cat code)" = 0 ] || run_fail "exit code $(cat code)"
rm code answer
# The shell that started us stays, as one that people type into does.
expect 130 on_terminal '\003\n' 'trap : INT;' "$DEDUP" --config t.yaml snapshot
[ "$(cat code)" = 130 ] || run_fail "exit code $(cat code)"
[ ! -e answer ] || run_fail "it was answered"
