# shellcheck shell=sh
# find and history go on behind damage, and tell of it.
new_repo repo
p=$PWD/src
mkdir -p src/d
stored() {
    find repo -path "repo/$1/*" -type f | sort
}
# snap SERIES DAY: what it puts is listed in DAY.packs and DAY.snapshots
snap() {
    for kind in packs snapshots; do stored $kind >before.$kind; done
    expect 0 dedup snapshot -s "$1" --time "2026-01-0$2T00:00:00" src
    for kind in packs snapshots; do
        stored $kind | comm -13 before.$kind - >"$2.$kind"
        [ -s "$2.$kind" ] || run_fail "nothing came into $kind"
    done
    sleep 0.1
}
# hurt LIST OFFSET: bytes of each file in it are other ones there
hurt() {
    while IFS= read -r f; do
        chmod u+w "$f"
        printf 'HURT' | dd of="$f" bs=1 seek="$2" conv=notrunc 2>/dev/null
    done <"$1"
    rm -rf "$DEDUP_CACHE_DIR"
}
echo 1 >src/f
snap s 1
echo 2.2 >src/f
echo 2 >src/d/two
snap s 2
echo 3.3.3 >src/f
echo 3 >src/d/three
snap s 3
cp -a repo whole

# a snapshot that cannot be read
hurt 2.snapshots 100
id=$(basename "$(cat 2.snapshots)" | cut -c 1-8)
expect 8 dedup find '*'
grep -q 2026-01-02 "$OUT" && run_fail "found in what cannot be read"
out_has "*  2026-01-01 00:00:00  $p/f"
out_has "*  2026-01-03 00:00:00  $p/f"
out_has "*  2026-01-03 00:00:00  $p/d/two"
err_has "dedup: find: warning: snapshot $id: cannot be read; 'dedup check' tells more"
err_has 'dedup: find: 1 damaged; the search is not complete'
# it may be of any series
expect 8 dedup find -s nope '*'
out_is
expect 8 dedup history "$p/f"
out_has '2026-01-01 00:00:00 *came*'
out_has '2026-01-03 00:00:00 *changed*'
err_has "dedup: history: warning: snapshot $id: cannot be read; 'dedup check' tells more"
err_has 'dedup: history: 1 damaged; the history is not complete'
expect 8 dedup history "$p/nowhere"
# one that is named is another matter
expect 0 dedup find three s

# directories of one that cannot be read
rm -rf repo "$DEDUP_CACHE_DIR"
mv whole repo
hurt 2.packs 100
expect 8 dedup find '*'
out_has "*  2026-01-01 00:00:00  $p/f"
out_has "*  2026-01-03 00:00:00  $p/f"
out_has "*  2026-01-03 00:00:00  $p/d/two"
out_has "*  2026-01-03 00:00:00  $p/d/three"
err_has "dedup: find: warning: snapshot $id: /: *"
err_has 'dedup: find: 1 damaged; the search is not complete'
[ "$(wc -l <"$ERR")" = 2 ] || run_fail "told more than once"
expect 8 dedup history "$p/f"
out_has '2026-01-01 00:00:00 *came*'
out_has '2026-01-03 00:00:00 *changed*'
err_has "dedup: history: warning: snapshot $id: *"
err_has 'dedup: history: 1 damaged; the history is not complete'
expect 8 dedup find '*' s~1
err_has 'dedup: find: warning: /: *'
expect 0 dedup find three s
out_is "$p/d/three"
