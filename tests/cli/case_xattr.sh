# shellcheck shell=sh
# Attributes as large as the kernel takes.
command -v setfattr >/dev/null || skip "setfattr is not installed"
[ "$(id -u)" = 0 ] || skip "mounting a tmpfs takes root"
mkdir mnt
mount -t tmpfs tmpfs mnt 2>/dev/null || skip "no tmpfs can be mounted"
trap 'umount -l "$RUN_TMP/work/mnt"; run_clean' EXIT
: >mnt/small
if ! setfattr -n trusted.small -v value mnt/small 2>/dev/null; then
    skip "this tmpfs has no attributes"
fi
: >mnt/large
head -c 65536 /dev/urandom | base64 -w0 >value
if ! setfattr -n trusted.large -v "0s$(cat value)" mnt/large 2>/dev/null; then
    skip "this tmpfs holds no attribute of 64 KiB"
fi
new_repo repo
mkdir mnt/src
mv mnt/small mnt/large mnt/src
expect 0 dedup snapshot mnt/src
expect 0 dedup restore "latest:$PWD/mnt/src" --target mnt/out
restored mnt/src mnt/out
expect 0 dedup ls --json "latest:$PWD/mnt/src/large"
out_has '*"name":"trusted.large","length":65536,*'
