# shellcheck shell=sh
# Hard links: kept within a file system, never made across two that happen to
# use the same inode numbers.
new_repo repo
mkdir src src/a src/b
if [ "$(id -u)" = 0 ] && mount -t tmpfs tmpfs src/a 2>/dev/null; then
    mount -t tmpfs tmpfs src/b || run_fail "no second tmpfs"
    trap 'umount -l "$RUN_TMP/work/src/a" "$RUN_TMP/work/src/b"; run_clean' EXIT
    two=yes
else
    two=
fi
inode() {
    stat -c %i "$1"
}
for d in a b; do
    echo "content of $d" >src/$d/file
    ln src/$d/file src/$d/link
    touch -d 2020-01-01 src/$d/file
done
expect 0 dedup snapshot src
expect 0 dedup restore "latest:$PWD/src" --target out
restored --ignore=dirtime src out
for d in a b; do
    [ "$(inode out/$d/file)" = "$(inode out/$d/link)" ] ||
        run_fail "$d: the link is lost"
    [ "$(cat out/$d/link)" = "content of $d" ] || run_fail "$d: wrong content"
done
[ "$(inode out/a/file)" != "$(inode out/b/file)" ] ||
    run_fail "linked across file systems"
[ -n "$two" ] || skip "two file systems take root: only links were tested"
[ "$(inode src/a/file)" = "$(inode src/b/file)" ] ||
    skip "the two tmpfs number their files differently"
# One file system stays one: mount points become empty directories.
expect 0 dedup snapshot -s x --one-file-system src
expect 0 dedup ls -R "x:$PWD/src"
out_is "$PWD/src/a
$PWD/src/b"
