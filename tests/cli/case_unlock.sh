# shellcheck shell=sh
# The wrong key, no repository, one from the future: each its exit code.
export DEDUP_CACHE_DIR="$PWD/cache"
printf 'right\n' >right
printf 'wrong\n' >wrong
expect 0 dedup -r repo --passphrase-file right init
expect 5 dedup -r repo --passphrase-file wrong snapshots
out_is
err_is "dedup: snapshots: repo: wrong passphrase"
head -c 32 /dev/zero >key
expect 5 dedup -r repo --key-file key snapshots
err_is "dedup: snapshots: repo: wrong key file"
expect 5 dedup -r repo --passphrase-file wrong snapshots --json
out_is '{"v":1,"type":"error","exit":5,"message":"repo: wrong passphrase"}'

# Where there is none, nobody is asked for a passphrase.
expect 4 dedup -r nothing snapshots
err_is "dedup: snapshots: nothing: no such directory; is its file system mounted? Only 'dedup init' makes a repository"
expect 4 dedup -r right snapshots
err_is "dedup: snapshots: right: not a directory; a repository is one"
mkdir empty
expect 4 dedup -r empty snapshots
err_is "dedup: snapshots: empty: no repository there; make one with 'dedup init'"
for c in "ls latest" "cat latest:/x" "restore latest --target t" "snapshot ."; do
    # shellcheck disable=SC2086 # words
    expect 4 dedup -r empty $c
done
[ -z "$(ls -A empty)" ] || run_fail "something was made in an empty directory"

# A passphrase typed wrong may be typed again, three times in all.
expect 0 on_terminal 'wrong\nright\n' "$DEDUP" -r repo snapshots
out_has '*wrong passphrase, try again*'
expect 5 on_terminal 'a\nb\nc\n' "$DEDUP" -r repo snapshots

# A config that says it is newer: exit 2, in words.
chmod u+w repo/config
cp repo/config config
newer() {
    for at in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        cp config repo/config
        printf '\377' | dd of=repo/config bs=1 seek=$at conv=notrunc 2>/dev/null
        "$DEDUP" -r repo --passphrase-file right snapshots >"$OUT" 2>"$ERR"
        case $? in
        2) grep -q newer "$ERR" && return ;;
        8 | 4) ;;
        *) run_fail "config byte $at" ;;
        esac
    done
    run_fail "no byte of the config makes it newer"
}
newer
err_like 'dedup: snapshots: *newer*'
# Any other byte of it is damage, never another repository.
cp config repo/config
printf 'X' | dd of=repo/config bs=1 seek=40 conv=notrunc 2>/dev/null
expect 8 dedup -r repo --passphrase-file right snapshots
cp config repo/config
expect 0 dedup -r repo --passphrase-file right snapshots

# Of another repository: the config, or the key slot. Neither is a wrong
# passphrase.
expect 0 dedup -r repo2 --passphrase-file right init
cp config config1
chmod u+w repo/config repo2/config
cp repo2/config repo/config
expect 8 dedup -r repo --passphrase-file right snapshots
err_is "dedup: snapshots: repo: config and key slot are of two repositories; restore the one that was exchanged from a copy"
cp config1 repo/config
mkdir slots
mv repo/keys/* slots/
cp repo2/keys/* repo/keys/
expect 8 dedup -r repo --passphrase-file right snapshots
err_like "*are of two repositories*"
mv slots/* repo/keys/
expect 0 dedup -r repo --passphrase-file right snapshots
expect 5 dedup -r repo --passphrase-file wrong snapshots
# A damaged slot: not a wrong passphrase either.
for slot in repo2/keys/*; do
    chmod u+w "$slot"
    printf 'X' | dd of="$slot" bs=1 seek=60 conv=notrunc 2>/dev/null
done
expect 8 dedup -r repo2 --passphrase-file right snapshots
err_is "dedup: snapshots: repo2: its key slots are damaged; restore what is below keys/ from a copy"
