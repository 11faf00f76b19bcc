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
# Read in parts, each is right, or EIO: the frame that was hit is a megabyte.
for again in 1 2; do
    lost=0
    for i in $(seq 0 59); do
        : >part
        dd if="mnt$PWD/src/late" of=part bs=100000 skip="$i" count=1 2>err.dd ||
            grep -q "Input/output error" err.dd || run_fail "$(cat err.dd)"
        n=$(wc -c <part)
        tail -c "+$((i * 100000 + 1))" src/late | head -c "$n" |
            cmp -s - part || run_fail "other bytes in part $i"
        [ "$n" = 100000 ] || lost=$((lost + 1))
    done
    [ "$lost" -gt 0 ] || run_fail "no error"
    [ "$lost" -lt 15 ] || run_fail "$lost parts of 60 are lost ($again)"
done
cat "mnt$PWD/src/late" >late 2>/dev/null && run_fail "no error"
cmp -s -n "$(wc -c <late)" late src/late || run_fail "other bytes"
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
