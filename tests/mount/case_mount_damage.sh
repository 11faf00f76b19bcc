# shellcheck shell=sh
# Damage: EIO where it is, one message that names it, and all else is there.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

mkdir src
seq 300000 >src/early
new_repo repo
expect 0 dedup snapshot -s s src
head -c 6000000 /dev/urandom >src/late # alone in the largest pack
expect 0 dedup snapshot -s s src

pack=$(find repo/packs -type f -printf '%s %p\n' | sort -n | tail -n 1)
size=${pack%% *}
pack=${pack#* }
chmod u+w "$pack"
printf XXXX | dd of="$pack" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null

mkdir mnt
dedup mount --foreground s mnt 2>err &
pid=$!
meanwhile "$pid" mountpoint -q mnt
cmp -s "mnt$PWD/src/early" src/early || run_fail "the sound file differs"
for again in 1 2; do
    cat "mnt$PWD/src/late" >late 2>/dev/null && run_fail "no error"
    [ -s late ] || run_fail "nothing could be read ($again)"
    cmp -s -n "$(wc -c <late)" late src/late || run_fail "other bytes"
done
# behind the damage it goes on
dd if="mnt$PWD/src/late" of=tail bs=1000000 skip=5 2>/dev/null ||
    run_fail "the end cannot be read"
tail -c 1000000 src/late | cmp -s - tail || run_fail "the end differs"
expect 0 ls -lR mnt
umount mnt
wait "$pid" || run_fail "exit $?"
grep -q "damaged: chunk [0-9a-f]\{64\}" err || run_fail "no name: $(cat err)"
[ -z "$(sort err | uniq -d)" ] || run_fail "told twice: $(cat err)"

# A tree: what stands in it cannot be listed, all else can.
mkdir dir
seq 5 | sed 's,^,dir/,' | xargs touch
find repo/packs -type f >before
expect 0 dedup snapshot -s t dir
pack=$(find repo/packs -type f | grep -vxFf before)
chmod u+w "$pack"
truncate -s 0 "$pack"
mounted mnt
expect 2 ls "mnt/by-series/t/latest$PWD/dir"
err_like '*Input/output error*'
expect 0 ls "mnt/by-series/s/latest$PWD/src"
unmounted mnt
