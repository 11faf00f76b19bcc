# shellcheck shell=sh
# A host with a write key: backs up what has changed, and reads nothing back.
mkdir src src/sub
for i in 1 2 3 4 5 6 7 8 9; do seq "$i" 20000 >"src/f$i"; done
echo tell-tale >src/sub/a-secret-name
sleep 0.1
new_repo repo
full=$DEDUP_KEY_FILE
full_cache=$DEDUP_CACHE_DIR
expect 0 dedup key add --role write --label host --new-key-file write.key

# as KEY: whose host this is from here on
as() {
    if [ "$1" = write ]; then
        export DEDUP_KEY_FILE="$PWD/write.key" DEDUP_CACHE_DIR="$PWD/write.cache"
    else
        export DEDUP_KEY_FILE="$full" DEDUP_CACHE_DIR="$full_cache"
    fi
}

as write
expect 0 dedup snapshot -s s src --json
out_like '*"unchanged_files":0,*"had_parent":false,*'
expect 0 dedup snapshot -s s src --json
out_like '*"unchanged_files":10,*"had_parent":true,*'
seq 30000 >src/f5
sleep 0.1
expect 0 dedup snapshot -s s src --json
out_like '*"unchanged_files":9,*'
expect 0 dedup snapshot -s other src

# What it may know of snapshots: of its last ones all, of the others that they
# are there.
expect 0 dedup snapshots
out_has '*  s  *  -  *  (sealed)'
out_has '*  s  * 10 *'
out_has '*  other  * 10 *'
expect 0 dedup snapshots -s s --json
out_has '{"v":1,"type":"snapshot","id":*,"damaged":false,"sealed":true,"series":"s","number":1,"complete":true,"superseded":false,"committed":*}'
out_has '{"v":1,"type":"snapshot","id":*,"damaged":false,"sealed":false,"series":"s","number":3,*"paths":*,"files":10,*}'
[ "$(grep -c '"sealed":true' "$OUT")" = 2 ] || run_fail "sealed ones: $(cat "$OUT")"

for what in stats "ls s" "ls s~1" "cat s:/$PWD/src/f1" "restore s --target out"; do
    # shellcheck disable=SC2086 # words
    expect 5 dedup $what
    out_is
    err_has '*this key may not *'
done
# What the host keeps tells nobody who has not its key.
if grep -rqs a-secret-name write.cache; then
    run_fail "a name stands in the cache"
fi

# It can look after the repository as far as it sees.
expect 3 dedup check -v
err_has 'dedup: check: snapshot: 4 of 4 snapshots are sealed to this key: *'
err_has 'dedup: check: 4 snapshots, * no damage in what this key may read'
expect 3 dedup check --json
out_like '*"type":"summary","damages":0,*"snapshots_sealed":4,*}'
expect 5 dedup check --read-data

# The caches may go.
rm write.cache/*/keepsake-*
expect 0 dedup snapshot -s s src --json
out_like '*"unchanged_files":0,*'
expect 0 dedup snapshot -s s src --json
out_like '*"unchanged_files":10,*'
rm -r write.cache
expect 0 dedup snapshot -s s src --json
out_like '*"unchanged_files":0,*'
expect 0 dedup snapshot -s s src --json
out_like '*"unchanged_files":10,*'

# Who may read reads it, and finds nothing amiss.
as full
expect 0 dedup check --read-data
expect 0 dedup restore s --target out
restored "out$PWD/src" src
expect 0 dedup snapshots -s s --json
[ "$(grep -c '"sealed":false' "$OUT")" = 7 ] || run_fail "$(cat "$OUT")"

# Damage is told from what is sealed.
victim=$(find repo/snapshots -type f | head -n 1)
chmod u+w "$victim"
printf x | dd of="$victim" bs=1 seek=400 conv=notrunc 2>/dev/null
as write
expect 8 dedup check
err_has '*snapshot*its bytes do not have that id*'
expect 0 dedup snapshots
