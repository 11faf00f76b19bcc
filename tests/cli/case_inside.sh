# shellcheck shell=sh
# A repository in the middle of what is backed up, and the other way round.
mkdir -p src/deep
echo data >src/file
new_repo src/deep/repo --compression none
head -c 3000000 /dev/urandom >src/random

# Left out, with its cache, and nothing grows from run to run.
expect 0 dedup snapshot -s s src
expect 0 dedup ls -R "s:$PWD/src"
grep -q repo/packs "$OUT" && run_fail "the repository is in its own snapshot"
grep -q 'repo.cache/' "$OUT" && run_fail "the cache is in the snapshot"
out_has "$PWD/src/random"
out_has "$PWD/src/deep/repo.key"
expect 0 dedup snapshot -s s src --json
field=$(sed -n 's/.*"new_bytes":\([0-9]*\),.*/\1/p' "$OUT")
[ "$field" -lt 100000 ] || run_fail "the second run stored $field bytes"

# Named: refused, whatever the way there, and nothing is committed.
expect 0 dedup snapshots
cp "$OUT" before
ln -s src/deep/repo/packs link
mkdir -p elsewhere
for path in src/deep/repo src/deep/repo/packs src/deep/repo/config \
    src/../src/deep/repo link/.; do
    expect 1 dedup snapshot "$path"
    err_like "dedup: snapshot: *is inside the repository *"
    expect 1 dedup snapshot "$path" src
done
# The link itself is not.
expect 0 dedup snapshot -s link link
expect 0 dedup snapshots --series s
expect 0 dedup restore s --target "$PWD/out"
cmp -s src/file "out$PWD/src/file" || run_fail "it did not come back"

# Nor is a repository a place to restore to.
for to in src/deep/repo src/deep/repo/new/deep link link/new; do
    expect 1 dedup restore s --target "$to"
    err_like "dedup: restore: $to: is inside the repository *"
done
[ ! -e src/deep/repo/new ] || run_fail "restore wrote into the repository"

# Another repository is a directory like any other.
other=$DEDUP_REPO
new_repo other
expect 0 dedup snapshot "$other"
expect 0 dedup ls "latest:$other"
out_has "$other/config"
