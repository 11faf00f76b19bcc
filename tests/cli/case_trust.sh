# shellcheck shell=sh
# Trust among keys: who relies on what whom wrote, vouching, check --writer.
mkdir src
seq 100000 >src/a
new_repo repo
expect 0 dedup snapshot -s mine src
expect 0 dedup key add --role write --label web1 --new-key-file web1.key
host() {
    DEDUP_KEY_FILE=$PWD/web1.key "$DEDUP" "$@"
}
echo more >src/b
expect 0 host snapshot -s web src

expect 0 dedup check --writer web1
out_has '???????? *web *complete'
err_is
expect 0 dedup check --writer web1 -v
err_has "dedup: check: the key 'web1': 1 snapshots, 1 journals, 2 packs (*), 0 of them vouched for"
expect 0 dedup check --writer first --json
out_has '{"v":1,"type":"snapshot","id":"*","damaged":false,"series":"mine","begin":"*","complete":true}'
out_has '{"v":1,"type":"journal","id":"*","records":*,"counts":true}'
out_has '{"v":1,"type":"pack","id":"*","kind":"data","bytes":*,"condemned":false,"listed":true,"gone":false,"vouched":false}'
out_has '{"v":1,"type":"writer","id":"*","label":"first","removed":false,"snapshots":1,"journals":1,"packs":2,"pack_bytes":*,"vouched":0}'
expect 1 dedup check --writer nobody
expect 1 dedup check --writer web1 --keyless
expect 1 dedup check --writer web1 --read-data

# A full key does not go on from a snapshot that it would have to believe.
expect 0 dedup snapshot -v -s web src
err_has "dedup: snapshot: the newest snapshot of web was not relied on: *; everything was read"
expect 0 dedup snapshot -v -s web src
run_like err '*2 files unchanged*'

# Only a full key vouches, once, and for others only.
expect 5 host check --read-data
expect 0 dedup check --read-data -v
err_has 'dedup: check: vouched for 2 packs that others wrote'
expect 0 dedup check --read-data --json
out_like '{"v":1,"type":"summary",*"vouched":0}'
expect 0 dedup check --writer web1 --json
out_has '{"v":1,"type":"pack",*"vouched":true}'
out_has '{"v":1,"type":"writer",*"vouched":2}'

# Also of a key that is no more; and what is damaged of it.
id=$(sed -n 's/.*"type":"snapshot","id":"\([0-9a-f]*\)".*/\1/p' "$OUT")
expect 0 dedup key remove web1
expect 0 dedup check --writer web1 -v
err_has "dedup: check: the key 'web1' (removed): 1 snapshots, *"
rm -f "repo/snapshots/$id"
expect 8 env DEDUP_CACHE_DIR="$PWD/fresh" "$DEDUP" check --writer web1
out_has '???????? *damaged'
