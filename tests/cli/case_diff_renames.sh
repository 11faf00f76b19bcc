# shellcheck shell=sh
# What was renamed between two snapshots.
mkdir -p src/big/deep src/mixed src/pair
echo 'the report of one' >src/report
echo 'the report of two' >src/notes
printf 'twin' >src/twin-1
ln src/twin-1 src/twin-2
: >src/empty
echo swapped >src/pair/a
echo paired! >src/pair/b
seq 1000 | while read -r i; do echo "$i" >"src/big/deep/f$i"; done
for i in 1 2 3; do echo "kept $i" >"src/mixed/kept$i"; done
echo 'was here' >src/mixed/gone
new_repo repo
expect 0 dedup snapshot -s s src
sleep 0.1
mv src/report "src/$(printf 'rep\033ort')"
chmod 600 src/rep*
touch -d 2020-01-01 src/rep*
mkdir src/later
mv src/notes src/later/notes
mv src/big src/huge
mv src/mixed src/other
rm src/other/gone
echo new >src/other/new
cp src/other/kept1 src/other/kept1-copy
mv src/pair/a src/pair/c
mv src/pair/b src/pair/a
mv src/pair/c src/pair/b
mv src/twin-2 src/twin-3
ln src/twin-1 src/twin-4
mv src/empty src/void
expect 0 dedup snapshot -s s src

p=$PWD/src
expect 0 dedup diff s~1 s
out_is "- $p/empty
R $p/big/ -> $p/huge/
+ $p/later/
R $p/notes -> $p/later/notes
- $p/mixed/
- $p/mixed/gone
+ $p/other/
R $p/mixed/kept1 -> $p/other/kept1
+ $p/other/kept1-copy
R $p/mixed/kept2 -> $p/other/kept2
R $p/mixed/kept3 -> $p/other/kept3
+ $p/other/new
M $p/pair/a
M $p/pair/b
Rm $p/report -> $p/rep\\x1bort
R $p/twin-2 -> $p/twin-3
+ $p/twin-4
+ $p/void"
err_is
expect 0 dedup diff -v s~1 s
err_has 'dedup: diff: 6 added (15 B), 3 removed (9 B), 7 renamed (4.0 kB), 2 changed (16 B -> 16 B), 0 in metadata alone'
expect 0 dedup diff "s~1:$p/mixed" "s:$p/other"
out_is "- $p/mixed/gone
+ $p/other/kept1-copy
+ $p/other/new"

expect 0 dedup diff --json s~1 s
out_has "{\"v\":1,\"type\":\"difference\",\"change\":\"renamed\",\"path\":\"$p/later/notes\",\"from\":\"$p/notes\",\"before\":{\"kind\":\"file\",\"size\":18,*},\"after\":{\"kind\":\"file\",\"size\":18,*},\"metadata\":false}"
out_has "*\"from\":\"$p/report\",\"before\":{*\"mode\":\"0644\",*},\"after\":{*\"mode\":\"0600\",*\"mtime\":\"2020-*},\"metadata\":true}"
out_has "*\"renamed\",\"path\":\"$p/huge\",\"from\":\"$p/big\",\"before\":{\"kind\":\"dir\",*},\"after\":{\"kind\":\"dir\",*},\"metadata\":false}"
out_has '{"v":1,"type":"summary",*,"changed":{"entries":2,"bytes":16,"bytes_before":16},*,"renamed":{"entries":7,"bytes":3*},"renames":"all"}'

# What became of its metadata is marked, but not the time of a directory.
sleep 0.1
mv src/later/notes src/notes
chmod 4755 src/notes
mv src/huge src/big
chmod 4777 src/big
mv src/twin-3 src/twin-5
mv src/other/kept3 src/other/kept-3
expect 0 dedup snapshot -s s src
expect 0 dedup diff s~1 s
out_is "Rm $p/huge/ -> $p/big/
Rm $p/later/notes -> $p/notes
R $p/other/kept3 -> $p/other/kept-3
R $p/twin-3 -> $p/twin-5"
expect 0 dedup diff --json s~1 s
out_has "*\"from\":\"$p/huge\",\"before\":{*\"mode\":\"0755\",*},\"after\":{*\"mode\":\"4777\",*},\"metadata\":true}"
out_has "*\"from\":\"$p/twin-3\",*,\"metadata\":false}"
mv src/big src/huge2
chmod u-s,go-w src/huge2
touch -d 2020-01-01 src/huge2
expect 0 dedup snapshot -s s src
expect 0 dedup diff s~2 s
out_has "R $p/huge/ -> $p/huge2/"

# As two things
expect 0 dedup diff --no-renames s~3 s~2
out_has "- $p/notes"
out_has "+ $p/later/notes"
out_has "- $p/big/deep/f77"
out_has "+ $p/huge/deep/f77"
grep -q '^R' "$OUT" && run_fail '--no-renames tells of one'
expect 0 dedup diff --no-renames --json s~3 s~2
out_has '*"renamed":{"entries":0,"bytes":0},"renames":"off"}'

# More than there is memory for: it says so. Long paths fill it.
long=$(printf '%0200d' 0)
d=wide
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do d=$d/$long; done
mkdir -p "$d/a" kept
printf moved >kept/one
(cd "$d/a" && seq 6000 | while read -r i; do echo "$i" >"f$i"; done)
expect 0 dedup snapshot -s w wide kept
mv "$d/a" "$d/b"
echo more >"$d/b/more"
mv kept/one kept/two
mv kept keep
mkdir kept
expect 0 dedup snapshot -s w wide keep kept
expect 0 dedup diff -v w~1 w
err_has '*too many files came and went*'
grep -qxF "+ $PWD/keep/two" "$OUT" || run_fail 'a file was renamed'
expect 0 dedup diff --json w~1 w
tail -n 1 "$OUT" | grep -q '"renames":"directories"}$' ||
    run_fail 'the summary does not say so'
