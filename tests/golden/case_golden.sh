# shellcheck shell=sh
# A repository that an earlier version made: GOLDEN is its directory. Nothing of
# it may ever become unreadable, nor come out otherwise than it went in.
[ "$(id -u)" = 0 ] || skip "owners can be restored by root alone"
command -v jq >/dev/null || skip "no jq"
command -v getfattr >/dev/null || skip "no getfattr"
here=$(dirname "$RUN_CASE")
tar -xf "$GOLDEN/repo.tar"
cp "$GOLDEN"/*.key .
chmod 600 ./*.key
cp -a repo pristine

export DEDUP_REPO="$PWD/repo"
# with KEY: from now on, that key and a cache of its own
with() {
    export DEDUP_KEY_FILE="$PWD/$1.key" DEDUP_CACHE_DIR="$PWD/cache.$1"
}
# of FILE: its fields $fields
of() {
    jq -cS "$fields" "$1" || run_fail "jq: $1"
}
# listed: the snapshots, as they were
listed() {
    fields='{id, series, number, complete, superseded, begin, utc_offset, host, user, paths, tags,
        protected, files, directories, others, bytes, new_chunks, stored_bytes, problems}'
    expect 0 dedup snapshots --all --json
    of "$OUT" >got
    of "$GOLDEN/snapshots.jsonl" >want
    same want got
}
# comes_back SERIES NAME: that series' newest is the tree of that name
comes_back() {
    expect 0 dedup restore "$1:/golden" --target "back-$2"
    sh "$here/describe.sh" "back-$2" >got 2>got.err || run_fail "describe: $(cat got.err)"
    same "$GOLDEN/$2.tree" got
    chmod -R u+rwx "back-$2"
    rm -rf "back-$2"
}
with full
listed
expect 0 dedup check --read-data
! grep -q damage "$ERR" || run_fail "check says: $(cat "$ERR")"
expect 0 dedup check --keyless
comes_back one one
comes_back two two
comes_back often often
comes_back written~1 written
expect 0 dedup cat stream:/name.sql
seq 50000 150000 | cmp -s - "$OUT" || run_fail "the stream is another"
expect 0 dedup key list --json
fields='{id, "label": .label, role, standing, mine, since, slots}'
of "$OUT" >got
of "$GOLDEN/keys.jsonl" >want
same want got
expect 0 dedup unforget --json
[ "$(grep -c '"type":"forgotten"' "$OUT")" -ge 1 ] || run_fail "nothing is forgotten"

# Every key, and a passphrase.
with read
listed
comes_back two two
with maintain
listed
expect 0 dedup prune --dry-run
expect 0 env -u DEDUP_KEY_FILE DEDUP_PASSPHRASE="golden passphrase" "$DEDUP" snapshots -s one
out_has '* one *'
diff -r pristine repo >/dev/null || run_fail "who only looked has changed something"

# It goes on: backups of all who may, forget and the way back, prune, new keys.
mkdir src
seq 1000 >src/file
with write
expect 0 dedup snapshot -s written src
with full
expect 0 dedup snapshot -s two src
expect 0 dedup forget two~1
expect 0 dedup unforget "$(jq -r 'select(.series == "two") | .id' "$GOLDEN/snapshots.jsonl")"
expect 0 dedup forget often~1 written~1
with maintain
expect 0 dedup prune --max-unused 0
with full
expect 0 dedup key rotate
expect 0 dedup key add --role read --label late --new-key-file "$PWD/late.key"
expect 0 dedup check --read-data
with late
comes_back two~1 two
comes_back one one
