# shellcheck shell=sh
# As mount(8) calls it for a line of fstab.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

mkdir src mnt
echo one >src/f
new_repo repo
expect 0 dedup snapshot -s s src
key=$DEDUP_KEY_FILE cache=$DEDUP_CACHE_DIR
unset DEDUP_REPO DEDUP_KEY_FILE DEDUP_CACHE_DIR
ln -s "$DEDUP" mount.dedup
options="rw,noauto,x-systemd.automount,key-file=$key,cache_dir=$cache"

expect 0 ./mount.dedup repo mnt -n -o "$options,allow_other,cache-size=64M"
expect 0 cat "mnt/latest$PWD/src/f"
out_is one
grep -q "^$PWD/repo $PWD/mnt fuse.dedup .*allow_other" /proc/self/mounts ||
    run_fail "$(grep dedup /proc/self/mounts)"
umount mnt
# one snapshot
expect 0 ./mount.dedup repo mnt -sv -o "$options,snapshot=s:$PWD/src"
expect 0 cat mnt/f
out_is one
umount mnt

expect 1 ./mount.dedup repo mnt -o "$options,nonsense"
err_has '*--nonsense*'
expect 1 ./mount.dedup repo
expect 1 ./mount.dedup repo mnt what
expect 1 ./mount.dedup -o x repo mnt
expect 4 ./mount.dedup nowhere mnt -o "$options"
mountpoint -q mnt && run_fail "mounted all the same"

# mount(8) itself, where the helper can be put in its place.
if mount -t tmpfs none /mnt 2>/dev/null && mkdir /mnt/upper /mnt/work &&
    mount -t overlay -o "lowerdir=$(realpath /sbin),upperdir=/mnt/upper,workdir=/mnt/work" \
        none "$(realpath /sbin)" 2>/dev/null; then
    ln -s "$DEDUP" /sbin/mount.dedup
    echo "$PWD/repo $PWD/mnt dedup $options 0 0" >fstab
    expect 0 mount -T fstab "$PWD/mnt"
    expect 0 cat "mnt/latest$PWD/src/f"
    out_is one
    umount mnt
fi
