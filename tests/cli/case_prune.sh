# shellcheck shell=sh
# Space comes back: by prune, by forget --prune, after killed runs, with a
# maintain key, beside others; what is left restores.
command -v jq >/dev/null || skip "no jq"
mkdir src
new_repo repo

# of JQ: of prune's line
of() {
    jq -r "select(.type == \"prune\") | $1" "$OUT"
}
packs() {
    find repo/packs -type f | wc -l
}

# Nothing to do, and nothing to say.
expect 0 dedup prune
out_is
err_is
expect 0 dedup prune -n
out_has "not needed     0 packs, 0 B"

for day in 01 02 03 04; do
    head -c 1500000 /dev/urandom >src/of-day
    echo "$day" >src/day
    expect 0 dedup snapshot -s s --time "2026-11-${day}T12:00" src
done
before=$(packs)

# What each of them alone takes.
expect 0 dedup snapshots --sizes --json
[ "$(jq -s 'map(.own_bytes > 1500000) | all' "$OUT")" = true ] || run_fail "own sizes: $(cat "$OUT")"
expect 0 dedup snapshots --sizes
out_has "id *own*"
expect 0 dedup stats 2026-11-02
out_has "its own*1.5 MB, in *chunks"
expect 0 dedup stats 2026-11-02 --json
[ "$(jq '.own_bytes > 1500000' "$OUT")" = true ] || run_fail "own size: $(cat "$OUT")"
expect 1 dedup stats nothing-such

# Forgotten, it would go; then it goes.
expect 0 dedup forget 2026-11-01
expect 0 dedup prune --dry-run --json
[ "$(of '.done, .condemned.packs > 0')" = "false
true" ] || run_fail "dry run: $(cat "$OUT")"
[ "$(packs)" = "$before" ] || run_fail "a dry run deleted packs"
expect 0 dedup prune --json
[ "$(of '.done, .deleted.bytes > 1500000, .waiting, .fenced')" = "true
true
0
0" ] || run_fail "prune: $(cat "$OUT")"
[ "$(packs)" -lt "$before" ] || run_fail "no pack went"
expect 10 dedup unforget 2026-11-01
err_has "*some of it is deleted already"
expect 0 dedup check --read-data

# In one go.
before=$(packs)
expect 0 dedup forget --keep-last 1 --prune -v
err_has "*2 snapshots forgotten, 1 stays"
err_has "*deleted in *"
[ "$(packs)" -lt "$before" ] || run_fail "forget --prune: no pack went"
expect 0 dedup restore latest:/ --target out
cmp src/of-day "out$PWD/src/of-day" || run_fail "what is left is not what it was"

# What a killed run left goes, too.
touch mark
mkfifo never
"$DEDUP" snapshot -s s --stdin large.bin <never >/dev/null 2>&1 &
pid=$!
exec 9>never # it waits for more
n=0
until [ -n "$(find repo/w -newer mark -type f)" ]; do
    n=$((n + 1))
    [ "$n" -lt 600 ] || run_fail "the run did not begin"
    sleep 0.05
done
kill -9 "$pid"
wait "$pid" 2>/dev/null
exec 9>&-
expect 0 dedup prune --json
[ "$(of .fenced)" = 1 ] || run_fail "a dead run was not ended: $(cat "$OUT")"
expect 0 dedup prune --json
[ "$(of '.fenced, .waiting')" = "0
0" ] || run_fail "again: $(cat "$OUT")"
expect 0 dedup check --read-data

# Two at once, and a backup.
dedup snapshot -s t src >one 2>&1 &
one=$!
dedup prune >two 2>&1 &
two=$!
expect 0 dedup prune
wait "$one" || run_fail "a backup beside prunes: $(cat one)"
wait "$two" || run_fail "a prune beside another: $(cat two)"
expect 0 dedup check --read-data

# With not much more than is needed.
expect 0 dedup prune --max-unused 0
expect 0 dedup prune --max-unused 10M --max-repack 1G
for bad in 101% x -5% ""; do
    expect 1 dedup prune "--max-unused=$bad"
done
expect 1 dedup prune --max-repack x
expect 1 dedup prune something
expect 1 dedup forget --keep-last 1 --max-unused 0
err_has "*go with --prune"

# Who may.
head -c 32 /dev/urandom >w.key
expect 0 dedup key add --role write --label w --new-key-file w.key --trust shared
expect 0 dedup key add --role maintain --label m --new-key-file m.key
expect 5 dedup --key-file w.key prune
head -c 1500000 /dev/urandom >src/of-day
expect 0 dedup snapshot -s s src
expect 0 dedup --key-file m.key forget --drop-series t
expect 0 dedup --key-file m.key forget --series s --keep-last 1 --prune --json
[ "$(of '.deleted.packs > 0')" = true ] || run_fail "a maintain key frees nothing: $(cat "$OUT")"
expect 0 dedup check --read-data
expect 0 dedup check --keyless
