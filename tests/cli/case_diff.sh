# shellcheck shell=sh
# What differs between two snapshots.
mkdir -p src/sub/deep src/same
echo one >src/changed
echo two >src/gone
echo three >src/sub/moded
echo four >src/sub/deep/f
seq 100 >src/same/big
ln -s here src/link
mkdir src/was-dir
touch src/was-dir/in
new_repo repo
expect 0 dedup snapshot -s s src
sleep 0.1
echo ONE MORE >src/changed
rm src/gone
chmod 600 src/sub/moded
ln -sfn there src/link
rm -r src/was-dir
echo file >src/was-dir
mkdir src/new
printf 'x' >"src/new/$(printf 'a\033b')"
expect 0 dedup snapshot -s s src

p=$PWD/src
expect 0 dedup diff s~1 s
out_is "M $p/changed
- $p/gone
M $p/link
+ $p/new/
+ $p/new/a\\x1bb
m $p/sub/moded
- $p/was-dir/
- $p/was-dir/in
+ $p/was-dir"
err_is
expect 0 dedup diff -v s~1 s
err_has 'dedup: diff: 3 added (6 B), 3 removed (4 B), 0 renamed (0 B), 2 changed (4 B -> 9 B), 1 in metadata alone'
# backwards
expect 0 dedup diff s s~1 "$p/was-dir"
out_is "- $p/was-dir
+ $p/was-dir/
+ $p/was-dir/in"
expect 0 dedup diff "s~1:$p/sub" "s:$p/sub"
out_is "m $p/sub/moded"
expect 0 dedup diff s s
out_is
expect 0 dedup diff --json s~1 s
out_has "{\"v\":1,\"type\":\"difference\",\"change\":\"changed\",\"path\":\"$p/changed\",\"before\":{\"kind\":\"file\",\"size\":4,\"mode\":\"0644\",*},\"after\":{*}}"
out_has "{*\"change\":\"metadata\",\"path\":\"$p/sub/moded\",*\"after\":{*\"mode\":\"0600\",*}}"
out_has '{"v":1,"type":"summary","added":{"entries":3,"bytes":6},"removed":{"entries":3,"bytes":4},"changed":{"entries":2,"bytes":9,"bytes_before":4},"metadata":{"entries":1,"bytes":6},"renamed":{"entries":0,"bytes":0},"renames":"all"}'
expect 0 dedup diff --json s s
out_like '{"v":1,"type":"summary",*}'

expect 1 dedup diff s
expect 1 dedup diff s s sub
err_has '*begins with*'
expect 1 dedup diff s nope
expect 1 dedup diff s s /nowhere

# A path that one of two does not have
mkdir t
echo here >t/here
expect 0 dedup snapshot -s t t
t=$PWD/t
expect 1 dedup diff t s "$t/here"
err_is "dedup: diff: $t/here: no such path in the snapshot s"
expect 1 dedup diff s t "$t/here"
err_is "dedup: diff: $t/here: no such path in the snapshot s"
expect 1 dedup diff t s~1 "$t/here"
err_is "dedup: diff: $t/here: no such path in the snapshot s~1"
