# shellcheck shell=sh
# A prune beside a mount: what is looked at stays, and goes when that is over;
# all else goes at once. Content is not in the kernel's memory before.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

# stored: how many packs there are
stored() {
    find repo/packs -type f | wc -l
}
mkdir src
new_repo repo
for i in 1 2 3; do
    rm -f src/*
    head -c 5000000 /dev/urandom >"src/f$i"
    cp "src/f$i" "f$i"
    expect 0 dedup snapshot -s "s" --time "2026-01-0${i}T00:00:00" src
done
mounted mnt
one="mnt/by-series/s/2026-01-01T00:00:00"
exec 3<"$one$PWD/src/f1"
before=$(stored)
expect 0 dedup forget s~1 s~2
expect 0 dedup prune
[ "$(stored)" -lt "$before" ] || run_fail "what nobody looks at is still there"
soon sh -c "! test -e mnt/by-series/s/2026-01-02T00:00:00"
soon sh -c "! test -e $one"
cmp -s - f1 <&3 || run_fail "an open file is not whole after a prune"
expect 0 dedup prune
held=$(stored)
exec 3<&-

# Closed, it goes: the mount lets go of it within seconds.
goes() {
    dedup prune && [ "$(stored)" -lt "$held" ]
}
soon goes
cmp -s "mnt/latest$PWD/src/f3" f3 || run_fail "the last one is not whole"
unmounted mnt
expect 0 dedup check --read-data

# A key that may not say what it looks at: it is told what is gone.
expect 0 dedup key add --role read --label r --new-key-file r.key
rm -f src/*
echo four >src/f4
expect 0 dedup snapshot -s s src
mkdir mnt2
env DEDUP_KEY_FILE="$PWD/r.key" "$DEDUP" mount --foreground mnt2 2>err &
pid=$!
meanwhile "$pid" mountpoint -q mnt2
exec 3<"mnt2/by-series/s/2026-01-03T00:00:00$PWD/src/f3"
expect 0 dedup forget s~1
expect 0 dedup prune
cat <&3 >got 2>/dev/null && run_fail "read what is deleted"
exec 3<&-
expect 0 cat "mnt2/latest$PWD/src/f4"
out_is four
umount mnt2
wait "$pid" || run_fail "exit $?"
grep -q 'was forgotten, and a prune has deleted' err || run_fail "$(cat err)"
grep -q damaged err && run_fail "it is called damaged: $(cat err)"
expect 0 dedup check --read-data
