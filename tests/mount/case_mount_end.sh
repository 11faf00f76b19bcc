# shellcheck shell=sh
# How a mount ends: by umount, by a signal, by force, by death.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

mkdir src
echo one >src/f
head -c 3000000 /dev/urandom >src/large
new_repo repo
expect 0 dedup snapshot -s s src

# In the foreground it stays; a signal ends it, and tells so, as anywhere.
mkdir mnt
for signal in INT TERM; do
    env --default-signal=INT "$DEDUP" mount --foreground mnt 2>err &
    pid=$!
    meanwhile "$pid" mountpoint -q mnt
    expect 0 cat "mnt/latest$PWD/src/f"
    kill -"$signal" "$pid"
    wait "$pid"
    code=$?
    [ "$code" = 0 ] || run_fail "exit $code after SIG$signal"
    mountpoint -q mnt && run_fail "still mounted after SIG$signal"
    [ ! -s err ] || run_fail "SIG$signal: $(cat err)"
done

# Twice in a row: it is taken back in order all the same.
mounted mnt
pid=$(served mnt)
kill "$pid"
kill "$pid"
soon mount_is_over mnt
mountpoint -q mnt && run_fail "a second signal left the mount"

# One whose file is open cannot be unmounted, but it can be told to end.
mounted mnt
exec 3<"mnt/latest$PWD/src/large"
umount mnt 2>/dev/null && run_fail "unmounted with an open file"
kill "$(served mnt)"
soon sh -c '! mountpoint -q mnt'
cat <&3 >/dev/null 2>&1 && run_fail "an open file outlived its mount"
exec 3<&-

# Lazily: it goes on until the file is closed.
mounted mnt
exec 3<"mnt/latest$PWD/src/large"
umount -l mnt
cmp -s - src/large <&3 || run_fail "an open file differs"
exec 3<&-
soon mount_is_over mnt

# Killed: what is left can be unmounted, and says what to do.
mounted mnt
kill -9 "$(served mnt)"
soon sh -c "! ls mnt"
expect 1 dedup mount mnt
err_has "*umount*"
umount mnt
# Aborted by the kernel.
mounted mnt
mkdir fusectl
mount -t fusectl none fusectl
number=$(stat -c %d mnt)
echo 1 >"fusectl/$number/abort"
soon mount_is_over mnt
expect 2 ls mnt
umount mnt
umount fusectl

# What such ones held nobody waits for.
expect 0 dedup forget --keep-last 1
expect 0 dedup prune
expect 0 dedup check --read-data
