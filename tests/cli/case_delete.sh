# shellcheck shell=sh
# restore --delete: what the snapshot does not have goes, and nothing else.
mkdir -p top/src/d/e top/src/empty
echo text >top/src/f
echo text >top/src/d/g
new_repo repo
mkdir -p top/src/cache
echo left >top/src/cache/x
echo left >top/src/y.o
expect 0 dedup snapshot top/src --exclude '*.o' --exclude "$PWD/top/src/cache"
from="latest:$PWD/top/src"

# clutter DIR: what is not in the snapshot
clutter() {
    mkdir -p "$1/new/deep/er" "$1/d/dir"
    echo mine >"$1/new/deep/er/file"
    echo 12345 >"$1/a"
    echo mine >"$1/d/zz"
    echo mine >"$1/keep.o"
    echo mine >"$1/new/deep/keep.o"
    ln -s "$PWD/outside" "$1/link"
    mkfifo "$1/d/dir/pipe"
}
mkdir outside
echo outside >outside/file
rm -rf top/src/cache top/src/y.o

# Without the word everything stays.
expect 0 dedup restore "$from" -t out
clutter out
expect 0 dedup restore "$from" -t out
# is_there FILE..., is_gone FILE...
is_there() {
    for f; do
        [ -e "$f" ] || run_fail "$f is gone"
    done
}
is_gone() {
    for f; do
        [ ! -e "$f" ] || run_fail "$f is there"
    done
}
is_there out/a out/d/dir/pipe

# A dry run tells all of it, and does nothing.
find out -printf '%p %s %T@ %i\n' | sort >before
expect 0 dedup restore "$from" -t out --delete --dry-run --json
for gone in a d/zz d/dir d/dir/pipe link new/deep/er new/deep/er/file; do
    out_has "*\"path\":\"$PWD/top/src/$gone\",*\"change\":\"deleted\"}"
done
[ "$(grep -c '"outcome":"deleted"' "$OUT")" = 7 ] || run_fail "others as well"
out_has '*"type":"summary"*"deleted":7,"bytes_deleted":16}'
find out -printf '%p %s %T@ %i\n' | sort >after
cmp -s before after || run_fail "the dry run wrote"

# What the backup left out, and what --exclude names, stays.
expect 0 dedup restore "$from" -t out --delete --exclude zz -v
out_has "- $PWD/top/src/new/deep/er/file"
err_has 'dedup: restore: deleted 6 not in the snapshot (*)'
[ "$(cd out && find . -name '*.o' -o -name zz | sort | xargs)" = \
    "./d/zz ./keep.o ./new/deep/keep.o" ] || run_fail "what stays"
is_gone out/a out/link
[ "$(cat outside/file)" = outside ] || run_fail "a link was followed"
rm -rf out/new out/keep.o
expect 0 dedup restore "$from" -t out --delete
touch -r top/src out
restored top/src out

# Only what is restored is mirrored: not what is above the roots of the
# snapshot, not what is on the way to an --include.
expect 0 dedup restore latest -t whole
there="whole$PWD/top"
clutter "$there"
clutter "$there/src"
clutter whole
expect 0 dedup restore latest -t whole --delete --include "$PWD/top/src/d"
[ -e "$there/src/a" ] || run_fail "more than was included"
[ ! -e "$there/src/d/zz" ] || run_fail "less than was included"
expect 0 dedup restore latest -t whole --delete
[ ! -e "$there/src/a" ] || run_fail "not in the root"
is_there "$there/a" whole/a whole/new/deep/er/file

# One file mirrors nothing.
clutter one
expect 0 dedup restore "$from/f" -t one --delete
[ -e one/a ] || run_fail "a file is no directory"

# The repository, its cache and its key are nobody's clutter.
mkdir place
cp -a repo place/repo
cp -a repo.key place/key
echo mine >place/other
expect 0 env DEDUP_CACHE_DIR="$PWD/place/cache" "$DEDUP" -r place/repo \
    --key-file place/key restore "$from" -t place --delete
expect 0 dedup -r place/repo --key-file place/key check
[ ! -e place/other ] || run_fail "what is beside the repository"

# Mount points, and what is mounted, stay.
if [ "$(id -u)" = 0 ]; then
    mount -t tmpfs tmpfs out/empty 2>/dev/null || skip "no tmpfs can be mounted"
    echo mine >out/empty/file
    mkdir out/mnt
    mount --bind outside out/mnt
    expect 0 dedup restore "$from" -t out --delete
    umount out/mnt
    [ -e out/empty/file ] || run_fail "another file system"
    [ -e outside/file ] || run_fail "a mount of the same file system"
    umount out/empty
fi
