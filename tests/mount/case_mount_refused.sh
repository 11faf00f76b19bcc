# shellcheck shell=sh
# Where it cannot be mounted, and by whom: nothing is left behind.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

mkdir src mnt
echo one >src/f
new_repo repo
expect 0 dedup snapshot -s s src

expect 1 dedup mount
expect 1 dedup mount nowhere
err_like 'dedup: mount: nowhere: cannot be mounted on: No such file*'
expect 1 dedup mount src/f
err_like 'dedup: mount: src/f: not a directory'
expect 1 dedup mount nope mnt
err_has 'dedup: mount: *nope*'
expect 1 dedup mount "s:$PWD/src/f" mnt
err_like "dedup: mount: $PWD/src/f: not a directory, but a file"
expect 1 dedup mount --cache-size 1M mnt
expect 4 dedup -r "$PWD/src" mount mnt
head -c 32 /dev/zero >wrong.key
expect 5 dedup --key-file wrong.key mount mnt

# Over the repository, in it, or around it; the cache as well.
cache=$(echo "$DEDUP_CACHE_DIR"/*)
mkdir repo/inside "$cache/inside"
for dir in repo repo/inside "$DEDUP_CACHE_DIR" "$cache" "$cache/inside" .; do
    expect 1 dedup mount "$dir"
    err_like 'dedup: mount: *: the * lies *: choose another directory'
    mountpoint -q "$dir" && run_fail "$dir: mounted all the same"
done
rmdir repo/inside

# A key that cannot read has nothing to show; one that only reads has.
expect 0 dedup key add --role write --label w --new-key-file w.key
expect 0 dedup key add --role read --label r --new-key-file r.key
expect 5 dedup --key-file w.key mount mnt
err_has 'dedup: mount: *write*'
[ -z "$(served "$PWD/mnt")$(served mnt)" ] || run_fail "somebody is still there"
export DEDUP_KEY_FILE="$PWD/r.key"
mounted mnt
expect 0 cat "mnt/latest$PWD/src/f"
unmounted mnt
export DEDUP_KEY_FILE="$PWD/repo.key"

# Twice on one directory: the upper one is served, then the lower.
mounted mnt
mounted mnt s
expect 0 cat "mnt$PWD/src/f"
umount mnt
expect 0 cat "mnt/latest$PWD/src/f"
unmounted mnt

# As somebody else than root, who needs a /dev/fuse for all.
if [ -n "$(find /dev/fuse -perm -006)" ] && command -v fusermount3 >/dev/null; then
    chmod -R a+rX repo repo.key
    mkdir nobody nobody/mnt
    chown -R 65534 nobody
    expect 0 as_nobody dedup --cache-dir nobody/cache mount nobody/mnt
    # that user alone may look
    expect 0 as_nobody cat "nobody/mnt/latest$PWD/src/f"
    out_is one
    expect 1 cat "nobody/mnt/latest$PWD/src/f"
    expect 0 as_nobody fusermount3 -u nobody/mnt
fi
