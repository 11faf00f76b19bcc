# shellcheck shell=sh
# A snapshot whose manifest is too long for the cache is shown like any other;
# one that cannot be told is left out, and nothing else with it.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

# shows N: so many snapshots, wherever they stand, and no trouble with it
shows() {
    for d in by-id by-date/2026/01 by-series; do
        expect 0 ls "mnt/$d"
        [ "$(wc -l <"$OUT")" = "$1" ] || run_fail "$d: $(cat "$OUT")"
    done
}
tags() {
    for i in $(seq 900); do
        printf -- '--tag t%04d%090d ' "$i" 0
    done
}

mkdir src
new_repo repo
echo one >src/f
expect 0 dedup snapshot -s a --time 2026-01-01T00:00:00 src
echo two >src/f
# shellcheck disable=SC2046 # words they are
expect 0 dedup snapshot -s b --time 2026-01-02T00:00:00 $(tags) src
echo three >src/f
expect 0 dedup snapshot -s c --time 2026-01-03T00:00:00 src
mounted mnt
for again in 1 2; do
    shows 3
    expect 0 ls mnt/by-series/b
    expect 0 cat "mnt/by-series/b/latest$PWD/src/f"
    out_is two
    expect 0 ls "mnt/.versions$PWD/src/f"
    out_is "2026-01-01T00:00:00_a
2026-01-02T00:00:00_b
2026-01-03T00:00:00_c"
    expect 0 ls mnt/by-tag
    [ "$(wc -l <"$OUT")" = 900 ] || run_fail "tags: $(wc -l <"$OUT"), $again"
    sleep 1.2
done
unmounted mnt

# So it is to who looks through all of them.
expect 0 dedup history "$PWD/src/f"
[ "$(wc -l <"$OUT")" = 4 ] || run_fail "history: $(cat "$OUT")"
err_is
expect 0 dedup find f
[ "$(wc -l <"$OUT")" = 3 ] || run_fail "find: $(cat "$OUT")"
expect 0 dedup snapshots --tag "t0007$(printf %090d 0)"
out_has "* b *"
expect 0 dedup forget --dry-run --keep-last 1 --keep-tag \
    "t0007$(printf %090d 0)" -s b

# Its manifest is lost.
expect 0 dedup --json snapshots -s b
id=$(sed 's/.*"id":"\([0-9a-f]*\)".*/\1/;q' "$OUT")
[ -f "repo/snapshots/$id" ] || run_fail "which is it? $(cat "$OUT")"
rm "repo/snapshots/$id"
"$DEDUP" mount --foreground mnt 2>words &
pid=$!
meanwhile "$pid" mountpoint -q mnt
for again in 1 2; do
    shows 2
    sleep 1.2
done
umount mnt
wait "$pid" || true
[ "$(grep -c "snapshots/$id: is missing" words)" = 1 ] ||
    run_fail "$(cat words)"
[ "$(wc -l <words)" = 1 ] || run_fail "$(cat words)"
