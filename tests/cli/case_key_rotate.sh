# shellcheck shell=sh
# New keys for what is written from now on: what is old reads as ever, on this
# host, on another, with nothing but a copy of the old slot.
new_repo repo
mkdir src
seq 100000 >src/numbers
expect 0 dedup snapshot --series s src
cp -a repo/keys slots.old
cp -a repo before

expect 1 dedup key
expect 1 dedup key spin
err_has "dedup: key: key 'spin': *rotate*"
expect 1 dedup key rotate now
printf 'wrong\n' >wrong
expect 5 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file wrong key rotate

expect 0 dedup key rotate
out_is
err_is
[ "$(find repo/keys -type f | wc -l)" = 1 ] || run_fail "not one slot"
cmp -s repo/keys/* slots.old/* && run_fail "the slot is the old one"
[ "$(find repo/log -type f | wc -l)" = 2 ] || run_fail "not one record more"
for n in 2 3; do
    expect 0 dedup key rotate --json
    out_is '{"v":1,"type":"epoch","number":'$n',"keys":1}'
done
expect 0 dedup -v key rotate
err_has "dedup: key: epoch 4 of the repository's keys has begun, for 1 key: *"
err_has "*stays readable to whoever held those*"

# A slot of before is as good, as long as the log is: that is told.
expect 0 dedup key list
err_is
rm -rf repo.then
cp -a repo repo.then
rm -rf repo.then/keys
cp -a slots.old repo.then/keys
expect 0 dedup -r repo.then key list
err_has "*the slot of this key lacks 4 of the repository's 5 epochs*"
expect 0 dedup -r repo.then key passwd --new-key-file new.key
expect 0 dedup -r repo.then --key-file new.key key list
err_is

# What is known is known: nothing is stored again but what is new.
size=$(du -sb repo/packs | cut -f1)
expect 0 dedup snapshot --series s --force src
[ "$(($(du -sb repo/packs | cut -f1) - size))" -lt 140000 ] ||
    run_fail "the data was stored again"
echo more >src/more
expect 0 dedup snapshot --series s src

# Here, and where nobody has been before; with a slot of then too.
for keys in repo/keys slots.old; do
    for cache in here "new-$keys"; do
        rm -rf all
        cp -a repo all
        rm -rf all/keys
        cp -a $keys all/keys
        set -- dedup -r all
        [ $cache = here ] || set -- dedup -r all --cache-dir "$PWD/$cache"
        expect 0 "$@" check --read-data
        for n in 0 1 2; do
            rm -rf back
            expect 0 "$@" restore "s~$n:$PWD/src" --target back
            cmp -s back/numbers src/numbers || run_fail "s~$n differs"
        done
        expect 1 "$@" cat "s~1:$PWD/src/more"
        expect 0 "$@" cat "s:$PWD/src/more"
        out_is more
    done
done

# A repository put back to what it was before is noticed as ever.
expect 8 dedup -r before snapshots
expect 0 dedup -r before --cache-dir "$PWD/none" snapshots

# With the slot of now, which knows of later keys, so it is by a host that has no
# cache. Who takes it begins new keys, and is asked no more.
rm -rf before/keys
cp -a repo/keys before/keys
set -- dedup -r before --cache-dir "$PWD/late"
expect 8 "$@" snapshots
err_has "*key slot*"
expect 8 "$@" snapshot --series s src
expect 0 "$@" --accept-rollback key rotate
expect 0 "$@" snapshot --series s src
expect 0 "$@" check --read-data
expect 0 dedup -r before --cache-dir "$PWD/later" snapshots

# With a passphrase: the same one opens the new slot.
printf 'secret words\n' >pass
unset DEDUP_KEY_FILE
expect 0 dedup -r words --passphrase-file pass init
expect 0 dedup -r words --passphrase-file pass snapshot --series s src
expect 0 dedup -r words --passphrase-file pass key rotate
expect 0 dedup -r words --passphrase-file pass snapshot --series s src
expect 0 dedup -r words --passphrase-file pass check --read-data
[ "$(find words/keys -type f | wc -l)" = 1 ] || run_fail "not one slot"
