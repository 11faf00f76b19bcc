# shellcheck shell=sh
# The cache is only a cache: gone, new, or not writable.
mkdir src
seq 100000 >src/numbers
new_repo repo
unset DEDUP_CACHE_DIR
# Nothing was filled anew where there was nothing.
expect 0 dedup --cache-dir one snapshots -v
err_is "dedup: snapshots: there are no snapshots yet"
expect 0 dedup --cache-dir one snapshot src
expect 0 dedup --cache-dir one snapshots -v
err_is
cp "$OUT" list
rm -r one
expect 0 dedup --cache-dir one snapshots -v
err_is "dedup: snapshots: the local cache was filled anew"
cmp -s "$OUT" list || run_fail "without its cache it lists other snapshots"
expect 0 dedup --cache-dir two snapshots
cmp -s "$OUT" list || run_fail "a second cache lists other snapshots"

# Each sees what went through the other.
seq 5 >src/few
expect 0 dedup --cache-dir two snapshot src --json
grep -q '"new_bytes":0' "$OUT" && run_fail "nothing new?"
expect 0 dedup --cache-dir one cat "latest:$PWD/src/few"
cmp -s "$OUT" src/few || run_fail "through the first cache it differs"
expect 0 dedup --cache-dir one snapshot src --json
new=$(sed -n 's/.*"new_bytes":\([0-9]*\),.*/\1/p' "$OUT")
[ "$new" -lt 4000 ] || run_fail "the first cache misses what the second stored"

# Where it is.
expect 0 env XDG_CACHE_HOME="$PWD/xdg" "$DEDUP" snapshots
[ "$(ls xdg)" = dedup ] || run_fail "XDG_CACHE_HOME does not count"
expect 0 env DEDUP_CACHE_DIR="$PWD/env" XDG_CACHE_HOME="$PWD/xdg2" "$DEDUP" \
    snapshots
if [ ! -d env ] || [ -e xdg2 ]; then
    run_fail "DEDUP_CACHE_DIR does not count"
fi
expect 0 env DEDUP_CACHE_DIR="$PWD/env2" "$DEDUP" --cache-dir three snapshots
if [ ! -d three ] || [ -e env2 ]; then
    run_fail "--cache-dir does not count"
fi
if [ "$(id -u)" != 0 ]; then
    expect 0 dedup snapshots
    [ -d "$HOME/.cache/dedup" ] || run_fail "HOME does not count"
    expect 1 env -u HOME "$DEDUP" snapshots
    err_like '*DEDUP_CACHE_DIR*'
fi

# Not writable: said, and done without.
: >file
expect 0 dedup --cache-dir file/below snapshots
err_like "dedup: snapshots: warning: the local cache cannot be used (cache directory file/below: Not a directory); this run makes one of its own, */dedup-cache-*, which takes longer"
cut -c1-40 "$OUT" >list2
expect 0 dedup --cache-dir one snapshots
cut -c1-40 "$OUT" >list3
cmp -s list2 list3 || run_fail "without a cache it lists other snapshots"

# One of its own leaves nothing behind, and takes what a killed run left.
mkdir tmp
export TMPDIR="$PWD/tmp"
mkfifo pipe
"$DEDUP" --cache-dir file/below cat "latest:$PWD/src/numbers" >pipe 2>"$ERR" &
pid=$!
# Open for reading, but not read: it waits in the middle of its work.
exec 3<pipe
meanwhile $pid grep -q 'makes one of its own' "$ERR"
# Meanwhile another run leaves it alone.
expect 0 dedup --cache-dir file/below snapshots
[ "$(find tmp -mindepth 1 -maxdepth 1 | wc -l)" = 1 ] || run_fail "not one private cache: $(ls tmp)"
kill -KILL $pid
wait $pid 2>/dev/null
exec 3<&-
[ "$(find tmp -mindepth 1 -maxdepth 1 | wc -l)" = 1 ] || run_fail "the killed run left nothing to sweep"
expect 0 dedup --cache-dir file/below snapshots
[ -z "$(ls tmp)" ] || run_fail "private caches are left behind: $(ls tmp)"
