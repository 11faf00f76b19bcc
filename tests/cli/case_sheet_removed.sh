# shellcheck shell=sh
# Sheets of a key that was removed: none is printed, and an old one gives back
# what is old, and says so.
new_repo repo
mkdir src
seq 1000 >src/numbers
expect 0 dedup snapshot -s s src
expect 0 dedup key sheet old.txt
expect 0 dedup key add --role full --label two --new-key-file two.key
cp -a repo/keys keys
expect 0 dedup --key-file two.key key remove first
expect 5 dedup key sheet none.txt
cp keys/* repo/keys/
expect 5 dedup key sheet none.txt
err_has '*this key was removed*'
[ ! -e none.txt ] || run_fail "a sheet that is good for nothing"

for rotated in no yes; do
    rm -rf repo/config repo/keys back
    expect 0 dedup key recover --new-key-file "new-$rotated" --sheet old.txt --json
    out_has '*"active":false*'
    err_has '*the key of this sheet was removed*'
    expect 0 dedup --key-file "new-$rotated" restore s --target back
    cmp -s "back$PWD/src/numbers" src/numbers || run_fail "not what it was"
    expect 5 dedup --key-file "new-$rotated" snapshot -s s src
    err_has '*this key was removed*'
    expect 5 dedup --key-file "new-$rotated" key sheet none.txt
    cp keys/* repo/keys/
    [ $rotated = yes ] || expect 0 dedup --key-file two.key key rotate
    rm -rf keys
    cp -a repo/keys keys
    expect 0 dedup --key-file two.key snapshot -s t src
done
expect 0 dedup --key-file two.key key sheet two.txt --json
rm -rf repo/config repo/keys
expect 0 dedup key recover --new-key-file new-two --sheet two.txt --json
out_has '*"active":true*'
expect 0 dedup --key-file new-two check --read-data
