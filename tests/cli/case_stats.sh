# shellcheck shell=sh
# What a repository holds, in numbers that the files themselves bear out.
command -v jq >/dev/null || skip "jq is not installed"
new_repo repo
expect 0 dedup stats --json
cp "$OUT" empty
expect 0 jq -e '.snapshots.count == 0 and .data.count == 0 and
    .packs.count == 0 and (.weeks | length) == 12' empty

mkdir src other
head -c 1000000 /dev/urandom >src/random
seq 200000 >src/text # 1288895 bytes
cp src/random other/again
sleep 0.1
expect 0 dedup snapshot -s a src
expect 0 dedup snapshot -s a src
expect 0 dedup snapshot -s b other

# is EXPRESSION: it holds of stats --json
is() {
    expect 0 dedup stats --json
    cp "$OUT" stats
    jq -e "$1" stats >/dev/null || run_fail "not so: $1"
}
is '.v == 1 and .type == "stats"'
is '.snapshots == {count: 3, bytes: (2 * 2288895 + 1000000)}'
is '.latest == {count: 2, bytes: (2288895 + 1000000)}'
# each byte is kept once
is '.data.bytes == 2288895 and .data.count > 10'
is '.data.stored_bytes > 1000000 and .data.stored_bytes < 2000000'
is '.metadata.count > 0 and .checkpoints == 0 and .unread == 0'
is '(.dead | map(.count) | add) == 0'
is '.weeks[-1].snapshots + .weeks[-2].snapshots == 3'

# What is stored is what lies there.
count() {
    find "repo/$1" -type f | wc -l
}
is ".packs.count == $(count packs) and .segments.count == $(count index) and
    .log_records.count == $(count log) and
    .journal_records.count == $(count w) and
    .manifests.count == $(count snapshots)"
bytes=$(find repo/config repo/reserve repo/keys repo/packs repo/index repo/snapshots \
    repo/log repo/w -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
is ".stored_bytes == $bytes"

# What the weeks say was added is what lies in packs, of the run that is said to
# be an old one, too.
packed() {
    find repo/packs -type f -printf '%s\n' | awk '{ n += $1 } END { print n }'
}
is "(.weeks | map(.stored_bytes) | add) == $(packed) and .packs.bytes == $(packed)"
seq 300000 600000 >other/more
sleep 0.1
expect 0 dedup snapshot -s c --time 2001-01-01T00:00 other
is "(.weeks | map(.stored_bytes) | add) == $(packed) and .packs.bytes == $(packed)"
is '(.weeks | map(.snapshots) | add) == 4 and .snapshots.count == 4'

# No pack is read: they may all be gone, or worse.
packs=$(find repo/packs -type f)
for pack in $packs; do
    chmod 600 "$pack"
    mv "$pack" "$pack.kept"
    truncate -s "$(stat -c %s "$pack.kept")" "$pack"
    mv "$pack.kept" "kept-$(basename "$pack")"
done
cp stats before
is '.packs.count > 0'
cmp -s before stats || run_fail "packs were read"

# A pack that nobody names.
mkdir -p repo/packs/aa
head -c 1234 /dev/zero >"repo/packs/aa/aa$(printf '%062d' 7)"
is '.dead.unlisted == {count: 1, bytes: 1234}'

# For people.
expect 0 dedup stats
err_is
plain "$OUT"
out_has 'snapshots     4 snapshots, 8.* MB'
out_has 'latest        3 series, 6.* MB'
out_has 'deduplication 1:1.98'
out_has '  unlisted    1 pack, 1.* kB'
out_has '20[0-9][0-9]-W[0-9][0-9]      *snapshot*'


# Hosts that rely on nobody else's packs store again what is there.
full=$DEDUP_KEY_FILE
for host in web db; do
    export DEDUP_KEY_FILE="$full" DEDUP_CACHE_DIR="$PWD/full.cache"
    expect 0 dedup key add --role write --label $host --new-key-file $host.key
    export DEDUP_KEY_FILE="$PWD/$host.key" DEDUP_CACHE_DIR="$PWD/$host.cache"
    seq 900000 >src/text
    sleep 0.1
    expect 0 dedup snapshot -s $host src/text
done
export DEDUP_KEY_FILE="$full" DEDUP_CACHE_DIR="$PWD/full.cache"
is '.snapshots.count == 6 and .dead.twice.count > 10 and
    .dead.twice.bytes < .data.stored_bytes'
