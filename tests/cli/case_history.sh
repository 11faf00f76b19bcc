# shellcheck shell=sh
# What became of a path, from snapshot to snapshot.
new_repo repo
mkdir src other
p=$PWD/src
# snap SERIES DAY
snap() {
    expect 0 dedup snapshot -s "$1" --time "2026-01-0$2T00:00:00" src
    sleep 0.02
}
snap a 1
echo one >src/f
touch -d 2026-01-01 src/f
snap a 2
snap a 3
snap b 3
echo other >src/f
touch -d 2026-01-02 src/f
snap a 4
chmod 600 src/f
snap a 5
snap b 9
rm src/f
mkdir src/f
snap a 6
rmdir src/f
snap a 7
snap a 8

expect 0 dedup history "$p/f"
ids=$(sed -n 's/^[0-9].*  \([0-9a-f]\{8\}\)  .*/\1/p' "$OUT")
[ "$(echo "$ids" | wc -l)" = 7 ] || run_fail "not seven events"
sed 's/  */ /g; s/ [0-9a-f]\{8\} / ID /; s/ *$//' "$OUT" >table
cat >want <<'END'
time id series event size modified
2026-01-02 00:00:00 ID a came 4 B 2026-01-01 00:00:00
2026-01-03 00:00:00 ID b came 4 B 2026-01-01 00:00:00
2026-01-04 00:00:00 ID a changed 6 B 2026-01-02 00:00:00
2026-01-05 00:00:00 ID a metadata 6 B 2026-01-02 00:00:00
2026-01-06 00:00:00 ID a came dir
END
head -n 6 table | sed "s/ dir .*/ dir/" | cmp -s - want || run_fail "another table"
grep -q '^2026-01-09 00:00:00 ID b changed 6 B 2026-01-02 00:00:00$' table ||
    run_fail "nothing of b"
grep -q '^2026-01-07 00:00:00 ID a went$' table || run_fail "it did not go"

expect 0 dedup history -s b "$p/f"
[ "$(wc -l <"$OUT")" = 3 ] || run_fail "not two events of b"
expect 0 dedup history --since 2026-01-03 --until 2026-01-04 -s a "$p/f"
out_has '2026-01-03 00:00:00 *came*'
out_has '2026-01-04 00:00:00 *changed*'
expect 0 dedup history --json -s a "$p/f"
out_has "{\"v\":1,\"type\":\"version\",\"event\":\"came\",\"snapshot\":\"*\",\"time\":\"2026-01-02T00:00:00.000000000Z\",\"series\":\"a\",\"path\":\"$p/f\",\"kind\":\"file\",\"size\":4,\"mode\":\"0644\",*}"
out_has '{*"event":"went"*}'
# a directory changes with what it holds
expect 0 dedup history -s a "$p"
[ "$(grep -c changed "$OUT")" = 5 ] || run_fail "the directory"
grep -q "^2026-01-03" "$OUT" && run_fail "nothing happened that day"

expect 1 dedup history "$p/nowhere"
err_like "dedup: history: $p/nowhere: in none of 10 snapshots"
expect 1 dedup history -s nope "$p/f"
err_like "dedup: history: --series 'nope': no snapshot is of that series; *"
expect 1 dedup history f
expect 1 dedup history
