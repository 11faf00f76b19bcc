# shellcheck shell=sh
# What a dry run says: exactly what the same restore then does.
mkdir -p src/d src/kind
echo same >src/same
echo content >src/content
echo mode >src/mode
echo new >src/new
echo x >src/d/new
ln -s there src/link
touch -hd 2020-01-01 src/* src/d
new_repo repo
expect 0 dedup snapshot src
from="latest:$PWD/src"
expect 0 dedup restore "$from" -t out
rm -r out/new out/d out/kind
echo other content >out/content
chmod 600 out/mode
ln -sfn elsewhere out/link
echo file >out/kind
echo mine >out/extra

# lines FILE: the paths of a list with their marks, as one line
lines() {
    sed "s,$PWD/src/*,," "$1" | xargs
}
expect 0 dedup restore "$from" -t out -n --delete
[ "$(lines "$OUT" | tr -s ' ')" = \
    "M content + d/new + d M kind M link m mode + new - extra" ] ||
    run_fail "the list"
expect 0 dedup restore "$from" -t out -n
! grep -q '^-' "$OUT" || run_fail "deletions nobody asked for"
expect 0 dedup restore "$from" -t out -n -v --delete
out_has "= $PWD/src/same"
err_has 'dedup: restore: would write 6 entries (*) in out: 3 new, 3 changed; 1 already as stored, 1 but for metadata, 0 kept'
err_has 'dedup: restore: would delete 1 not in the snapshot (5 B)'
expect 0 dedup restore "$from" -t out -n --json --delete
for line in '*"path":"*/new","kind":"file","size":4*"change":"new"}' \
    '*"path":"*/content"*"change":"content"}' \
    '*"path":"*/mode"*"change":"metadata"}' \
    '*"path":"*/same"*"change":"none"}' \
    '*"path":"*/extra","kind":"file","size":5*"change":"deleted"}' \
    '*"type":"summary"*"new":3,"metadata":1,"deleted":1,*'; do
    out_has "$line"
done

# The list of what is done is the same, and then there is nothing to do.
expect 0 dedup restore "$from" -t out -n --delete
cp "$OUT" would
expect 0 dedup restore "$from" -t out -v --delete
grep -v '^=' "$OUT" | sort >did
sort would | cmp -s - did || run_fail "said: $(lines would); did: $(lines did)"
expect 0 dedup restore "$from" -t out -n --delete
out_is
# A directory's metadata counts as well.
chmod 700 out/d
expect 0 dedup restore "$from" -t out -n
out_is "m $PWD/src/d"
