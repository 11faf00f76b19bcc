# shellcheck shell=sh
# One secret for many jobs: each source is asked once.
mkdir src
echo a >src/a
new_repo repo
new_repo other
unset DEDUP_REPO DEDUP_KEY_FILE
printf 'horse battery\n' >pass
for r in repo other; do
    expect 0 dedup key add -r $r --key-file $r.key --role full --label p \
        --new-passphrase-file pass
done
cat >c.yaml <<EOF
jobs:
  - { name: a, paths: $PWD/src, repo: $PWD/repo }
  - { name: b, paths: $PWD/src, repo: $PWD/repo }
  - { name: c, paths: $PWD/src, repo: $PWD/other }
EOF
export DEDUP_CONFIG="$PWD/c.yaml"

# A descriptor gives it once, and so does a pipe.
expect 0 dedup snapshot --all-jobs --passphrase-fd 3 3<pass
err_is
mkfifo pipe
cat pass >pipe &
expect 0 dedup snapshot --all-jobs --passphrase-file pipe
wait
expect 0 dedup config check --passphrase-fd 3 3<pass
out_has "ok    b: repo: $PWD/repo: opens"
out_has "ok    c: repo: $PWD/other: opens"
# A command may ask somebody: it is run once.
expect 0 dedup snapshot --all-jobs --passphrase-command 'echo x >>asked; cat pass'
[ "$(wc -l <asked)" = 1 ] || run_fail "asked $(wc -l <asked) times"
# What is wrong is wrong for all of them, and not empty for the second.
expect 5 dedup snapshot --all-jobs --passphrase-fd 3 3<<EOF
wrong
EOF
err_has "dedup: snapshot: 3 of 3 jobs failed*"
! grep -q empty "$ERR" || run_fail "it was read again"
# Two sources are two.
cat >two.yaml <<EOF
jobs:
  - { name: a, paths: $PWD/src, repo: $PWD/repo, passphrase-file: $PWD/pass }
  - { name: b, paths: $PWD/src, repo: $PWD/other, key-file: $PWD/other.key }
EOF
expect 0 dedup --config two.yaml snapshot --all-jobs

# Typed: once for each repository; what did not open it is not kept.
expect 0 on_terminal 'horse battery\nhorse battery\n' "$DEDUP" snapshot --all-jobs
[ "$(grep -ao 'passphrase: ' "$OUT" | wc -l)" = 2 ] || run_fail "asked $(grep -ao 'passphrase: ' "$OUT" | wc -l) times"
expect 0 on_terminal 'wrong\nhorse battery\nhorse battery\n' "$DEDUP" snapshot --all-jobs
[ "$(grep -ao 'passphrase: ' "$OUT" | wc -l)" = 3 ] || run_fail "asked $(grep -ao 'passphrase: ' "$OUT" | wc -l) times"
