# shellcheck shell=sh
# What the kernel remembers of .versions takes memory of a mount; what it
# forgets gives it back.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

# a sanitizer gives nothing back
grep -qaE '__(a|t)san_init' "$DEDUP" && skip "the program is instrumented"
paths=40000
mkdir -p src/many
(cd src/many && seq "$paths" | sed 's/^/a-file-called-/' | xargs touch)
new_repo repo
expect 0 dedup snapshot -s web src
mounted mnt --cache-size 32M
pid=$(served mnt)
rss() {
    sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"
}
here=mnt/.versions$PWD/src/many

# Whoever lists names alone has not asked for any of them. (The caches are full
# of them then.)
expect 0 sh -c "ls '$here' | wc -l"
listed=$(rss)
find "$here" ! -type d | wc -l >got || run_fail "find"
[ "$(cat got)" = "$paths" ] || run_fail "$(cat got) versions"
found=$(rss)
# a remount has the kernel forget what nobody uses
mount -i -o remount,ro "$PWD/mnt" || skip "no remount here"
forgotten=$(rss)
for try in 1 2 3 4 5 6 7 8 9 10; do
    [ "$forgotten" -gt "$((found - paths * 80 / 1024))" ] || break
    sleep 0.3
    forgotten=$(rss)
done
echo "RssAnon: $listed, $found, $forgotten kB after $try looks"
[ "$((found - listed))" -lt "$((paths * 200 / 1024))" ] ||
    run_fail "$((found - listed)) kB for $paths paths"
[ "$forgotten" -le "$((found - paths * 80 / 1024))" ] ||
    run_fail "of $found kB $forgotten kB stay"
# all is found again
expect 0 cat "$here/a-file-called-77/$(ls "$here/a-file-called-77")"
unmounted mnt
