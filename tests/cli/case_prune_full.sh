# shellcheck shell=sh
# prune where there is hardly room to write packs anew, and where it has nothing
# to gain.
command -v jq >/dev/null || skip "no jq"
# pruned: what the last prune wrote anew and deleted, as JSON has it
pruned() {
    jq -r 'select(.type == "prune") | "\(.repacked.packs) \(.deleted.packs)"' "$OUT"
}

# It comes to rest: what a pack is padded by is no gain.
new_repo rest
mkdir src
for i in $(seq 20); do head -c 9000 /dev/urandom >"src/$i"; done
expect 0 dedup snapshot -s s src
rm src/7
expect 0 dedup snapshot -s s src
expect 0 dedup forget --keep-last 1
expect 0 dedup prune
for unused in 5% 0; do
    expect 0 dedup prune --max-unused $unused
    expect 0 dedup prune --max-unused $unused --json
    [ "$(pruned)" = "0 0" ] || run_fail "prune --max-unused $unused writes again: $(cat "$OUT")"
done

# Options that cannot be followed change nothing.
expect 1 dedup forget --keep-last 1 --prune --max-unused 5x
expect 1 env DEDUP_REPO=/nowhere "$DEDUP" prune --max-unused 5x
err_has "*--max-unused '5x': neither a share*"
# A filter that nothing passes is told.
expect 0 dedup forget --series nope --keep-last 1
err_has '*no snapshot is of that series, host or tag: nothing was looked at*'

# A disk of 60 MB with 8 snapshots, each of which shares half of its packs with
# the last one: there is less room than all of that takes.
[ "$(id -u)" = 0 ] || skip "only root can mount a tmpfs"
mkdir disk
mount -t tmpfs -o size=60M tmpfs disk 2>/dev/null || skip "a tmpfs cannot be mounted here"
new_repo disk/full
rm -rf src
mkdir src
# grow NAME N: N snapshots, each with a file that stays and one that goes; then
# the last one alone is there
grow() {
    for i in $(seq "$2"); do
        head -c 3000000 /dev/urandom >"src/$1-$i"
        head -c 3000000 /dev/urandom >src/goes
        expect 0 dedup snapshot -s s src
    done
    expect 0 dedup forget --keep-last 1
}
grow stays 8
before=$(du -sk disk/full | cut -f1)
expect 0 dedup prune --json
err_is
after=$(du -sk disk/full | cut -f1)
[ $((before - after)) -gt 18000 ] || run_fail "prune left $after of $before KiB"
expect 0 dedup check --read-data
expect 0 dedup restore latest --target back
restored src "back$PWD/src"

# Where there is no room at all it says so.
grow more 3
free=$(df -k --output=avail disk | tail -n 1)
head -c $(((free - 1500) * 1024)) /dev/zero >disk/fill
expect 3 dedup prune --max-unused 0
err_has '*there is no room to write packs anew*'
rm disk/fill
expect 0 dedup prune --max-unused 0
expect 0 dedup check --read-data
umount -l disk
