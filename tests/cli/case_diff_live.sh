# shellcheck shell=sh
# What differs between a snapshot and the live system.
mkdir -p src/sub/deep src/same src/went/in
for f in appended back gone grown kept moded sub/deep/f touched went/in/x; do
    echo "this is $f" >"src/$f"
done
seq 200000 >src/same/big
cp src/same/big src/edited
truncate -s 4M src/sparse
head -c 2000000 /dev/zero >src/zeros
printf x | dd of=src/sparse bs=1 seek=2500000 conv=notrunc 2>/dev/null
ln -s here src/link
mkfifo src/pipe
echo file >src/now-dir
mkdir src/now-file
echo in >src/now-file/in
echo attributed >src/attributed
setfattr -n user.one -v 1 src/attributed 2>/dev/null && has_attrs=1
new_repo repo
sleep 0.1
expect 0 dedup snapshot -s s src
p=$PWD/src
expect 0 dedup diff s --live src
out_is
err_is

# All that can differ, at once.
sleep 0.1
echo more >>src/appended
touch -r src/back stamp
echo 'THIS IS back' >src/back
touch -r stamp src/back
rm src/gone
: >src/grown
chmod 600 src/moded
printf X | dd of=src/edited bs=1 seek=777777 conv=notrunc 2>/dev/null
touch -d 2020-02-02 src/same/big src/touched
touch -d 2020-02-02 src/sub/deep # of a directory that says nothing
ln -sfn there src/link
rm src/pipe src/now-dir
rm -r src/now-file src/went
mkdir -p src/now-dir src/new/er
echo x >src/now-dir/x
echo file >src/now-file
echo new >"src/new/er/$(printf 'a\033b')"
chmod 700 src/sub
[ -z "${has_attrs-}" ] || setfattr -n user.one -v 2 src/attributed
attributed=${has_attrs:+"m $p/attributed
"}
expect 0 dedup diff s --live src
out_is "M $p/appended
${attributed}M $p/back
M $p/edited
- $p/gone
M $p/grown
M $p/link
m $p/moded
+ $p/new/
+ $p/new/er/
+ $p/new/er/a\\x1bb
- $p/now-dir
+ $p/now-dir/
+ $p/now-dir/x
- $p/now-file/
- $p/now-file/in
+ $p/now-file
- $p/pipe
m $p/same/big
m $p/sub/
m $p/touched
- $p/went/
- $p/went/in/
- $p/went/in/x"
err_is
cp "$OUT" live
# ... is what another snapshot says
sleep 0.1
expect 0 dedup snapshot -s s src
expect 0 dedup diff --no-renames s~1 s
cmp -s "$OUT" live || run_fail 'two snapshots differ otherwise'
expect 0 dedup diff s --live src
out_is
expect 0 dedup diff -v s~1 --live src
err_has 'dedup: diff: 6 added (11 B), 8 removed (39 B), 5 changed (1.3 MB -> 1.3 MB), * in metadata alone'
expect 0 dedup diff --json s~1 --live "$p"
out_has "{\"v\":1,\"type\":\"difference\",\"change\":\"changed\",\"path\":\"$p/appended\",\"before\":{\"kind\":\"file\",\"size\":17,*},\"after\":{\"kind\":\"file\",\"size\":22,*}}"
out_has "*\"metadata\",\"path\":\"$p/touched\",\"before\":{*},\"after\":{*\"mtime\":\"2020-02-02*}}"
out_has '{"v":1,"type":"summary","added":{"entries":6,"bytes":11},*,"renames":"off"}'

# Another directory in its place, where no inode is the same: content counts.
cp -a src copy
expect 0 dedup diff "s:$p" --live copy
out_is
rm copy/zeros
truncate -s 2000000 copy/zeros
touch -r src/zeros copy/zeros
expect 0 dedup diff "s:$p" --live copy
out_is
printf Y | dd of=copy/sparse bs=1 seek=1000000 conv=notrunc 2>/dev/null
touch -r src/sparse copy/sparse
expect 0 dedup diff "s:$p" --live copy
out_is "M $p/sparse"
expect 0 dedup diff "s:$p/sub/deep" --live copy/same
out_is "+ $p/sub/deep/big
- $p/sub/deep/f"

# A link is not followed, nor one to a directory; a pipe is not opened.
ln -sfn "$p" copy/sub/out
mkfifo copy/pipe
rm -r copy/new
ln -s "$p/new" copy/new
expect 0 timeout 20 "$DEDUP" diff "s:$p" --live copy
out_is "- $p/new/
- $p/new/er/
- $p/new/er/a\\x1bb
+ $p/new
+ $p/pipe
M $p/sparse
+ $p/sub/out"

# The repository in it, and what the patterns leave out.
mkdir -p whole/keep whole/tmp
echo k >whole/keep/k
echo '*.o' >whole/.dedupignore
new_repo whole/repo
expect 0 dedup snapshots # makes the directory of the cache
sleep 0.1
expect 0 dedup snapshot -s w -e "$PWD/whole/tmp" whole
echo t >whole/tmp/t
echo o >whole/keep/x.o
expect 0 dedup diff w --live whole -e "$PWD/whole/tmp"
out_is
expect 0 dedup diff w --live whole
out_is "+ $PWD/whole/tmp/
+ $PWD/whole/tmp/t"
expect 0 dedup diff w --live whole -e tmp --no-ignore-files
out_is "+ $PWD/whole/keep/x.o"

# Wrong usage
expect 1 dedup diff w
err_has '*--live DIR*'
expect 1 dedup diff w w --live whole
expect 1 dedup diff w --live nowhere
err_has '*nowhere*'
expect 1 dedup diff w --live whole/keep/k
err_has '*not a directory*'
ln -s whole to-whole
expect 1 dedup diff w --live to-whole
err_has '*symbolic link*'
expect 0 dedup diff w --live to-whole/ -e tmp
out_is
expect 1 dedup diff w --live copy
err_has '*no such path*'
expect 1 dedup diff w w -e tmp
err_has '*--exclude goes with --live*'
expect 1 dedup diff w --live whole --no-renames
