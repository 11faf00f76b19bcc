# shellcheck shell=sh
# What a mount holds while its cache cannot follow, or its repository cannot be
# written: it says so once, and stands in nobody's way.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

journals() {
    find repo/w -mindepth 1 -maxdepth 1 -type d | wc -l
}
# serving PID: a mount in the foreground, and its words
serving() {
    "$DEDUP" mount --foreground mnt 2>words &
    pid=$!
    meanwhile "$pid" mountpoint -q mnt
}
served_out() {
    umount mnt || run_fail "mnt: cannot be unmounted"
    wait "$pid" || run_fail "exit $?: $(cat words)"
}
# told N TEXT: it was said N times
told() {
    [ "$(grep -c "$2" words)" = "$1" ] || run_fail "not $1 times: $(cat words)"
}
# elsewhere ARG...: dedup, on another machine
elsewhere() {
    DEDUP_CACHE_DIR="$PWD/other" "$DEDUP" "$@"
}
# prunes: and waits for nobody
prunes() {
    expect 0 elsewhere prune
    if grep "at work" "$OUT" "$ERR"; then
        run_fail "a prune waits"
    fi
}

mkdir src mnt small
new_repo repo
for i in 1 2 3; do
    rm -f src/*
    head -c 200000 /dev/urandom >"src/f$i"
    cp "src/f$i" "f$i"
    expect 0 dedup snapshot -s s --time "2026-01-0${i}T00:00:00" src
done
one="mnt/by-series/s/2026-01-01T00:00:00"

# The cache's disk is full.
mount -t tmpfs -o size=30m tmpfs small || skip "no tmpfs here"
cache="$PWD/repo.cache"
export DEDUP_CACHE_DIR="$PWD/small"
serving
dd if=/dev/zero of=small/fill bs=4096 >/dev/null 2>&1
rm -f src/*
head -c 200000 /dev/urandom >src/f4
expect 0 elsewhere snapshot -s s --time 2026-01-04T00:00:00 src
was=$(journals)
expect 0 ls -d "$one$PWD/src" mnt/latest
exec 3<"$one$PWD/src/f1"
sleep 7
[ "$(journals)" -le $((was + 1)) ] ||
    run_fail "$was journals became $(journals)"
expect 0 elsewhere forget s~2 s~3
prunes
cmp -s - f1 <&3 || run_fail "an open file is not whole after a prune"
exec 3<&-
told 1 "what is new cannot be seen"
rm small/fill
soon test -e "mnt/by-series/s/2026-01-04T00:00:00"
served_out
umount small
export DEDUP_CACHE_DIR="$cache"

# The cache is removed, and made anew by somebody else.
serving
expect 0 ls mnt
(
    while [ ! -e stop ]; do # the kernel keeps no flags
        lsattr "mnt/by-series/s/2026-01-03T00:00:00$PWD/src/f3" ||
            echo "lsattr: $?" >>failed
    done
) >/dev/null 2>&1 &
asking=$!
rm -rf "$cache"
rm -f src/*
head -c 200000 /dev/urandom >src/f5
expect 0 dedup snapshot -s s --time 2026-01-05T00:00:00 src
was=$(journals)
expect 0 cmp "mnt/by-series/s/2026-01-03T00:00:00$PWD/src/f3" f3
sleep 7
[ "$(journals)" -le $((was + 1)) ] ||
    run_fail "$was journals became $(journals)"
prunes
expect 0 ls mnt
soon test -e "mnt/by-series/s/2026-01-05T00:00:00"
touch stop
wait "$asking"
[ ! -e failed ] || run_fail "$(cat failed)"
expect 0 cmp "mnt/latest$PWD/src/f5" src/f5
expect 0 cmp "mnt/by-series/s/2026-01-03T00:00:00$PWD/src/f3" f3
[ ! -s words ] || run_fail "$(cat words)"

# It is replaced where it stands: that is said.
rm -rf "$cache"/*/index
rm -f src/*
echo six >src/f6
expect 0 dedup snapshot -s s --time 2026-01-06T00:00:00 src
for again in $(seq 20); do
    expect 0 ls mnt/by-series/s
    [ ! -s words ] || break
    sleep 0.5
done
told 1 "mount again to see what is new"
[ "$(wc -l <words)" = 1 ] || run_fail "$(cat words)"
expect 0 cmp "mnt/by-series/s/2026-01-03T00:00:00$PWD/src/f3" f3
served_out

# The repository cannot be written. It says so once, of all that is looked at.
mount --bind repo repo || skip "no bind mounts here"
mount -o remount,bind,ro repo || skip "no read-only bind mounts here"
serving
three="mnt/by-series/s/2026-01-03T00:00:00"
expect 0 cmp "$three$PWD/src/f3" f3
expect 0 ls "mnt/by-series/s/2026-01-04T00:00:00$PWD/src"
sleep 7
expect 0 ls "mnt/latest$PWD/src"
expect 0 cmp "$three$PWD/src/f3" f3
told 1 "a prune may take what is mounted"
[ "$(wc -l <words)" = 1 ] || run_fail "$(cat words)"

# Once it can be, all of that is held.
was=$(journals)
mount -o remount,bind,rw repo
for again in $(seq 60); do
    [ "$(journals)" = "$was" ] || break
    sleep 1
done
[ "$(journals)" = $((was + 1)) ] || run_fail "$again s: $(cat words)"
exec 3<"$three$PWD/src/f3"
expect 0 elsewhere forget s~1 s~2
prunes
cmp -s - f3 <&3 || run_fail "an open file is not whole after a prune"
exec 3<&-
served_out
umount repo
