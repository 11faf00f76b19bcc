# shellcheck shell=sh
# What a snapshot would do, without doing it.
mkdir -p src/d
echo a >src/a
echo b >src/d/b
echo o >src/d/x.o
ln -s a src/l
new_repo repo
repo_is() {
    find repo -type f -printf '%p %s\n' | LC_ALL=C sort
}
repo_is >before

expect 0 dedup snapshot -s s -n src
out_is
err_is
expect 0 dedup snapshot -s s --dry-run -v --exclude '*.o' src
cp "$OUT" first
grep -qxF "+ $PWD/src/" first || run_fail "the directory: $(cat first)"
grep -qxF "+ $PWD/src/d/b" first || run_fail "a file: $(cat first)"
grep -qxF "+ $PWD/src/l" first || run_fail "a link: $(cat first)"
! grep -q 'x\.o' first || run_fail "what is excluded"
err_has "dedup: snapshot: would keep 2 files, 4 B; would read 3 new and 0 changed entries"
err_has "dedup: snapshot: at most 4 B would be stored; 1 left out, 0 of them by .dedupignore, 0 problems"
repo_is | cmp -s - before || run_fail "something was stored"
expect 0 dedup snapshots
out_is

sleep 0.1 # what changed just now is not taken for unchanged
expect 0 dedup snapshot -s s src
repo_is >before
expect 0 dedup snapshot -s s -n -v src
out_is
echo more >>src/a
echo new >src/d/new
chmod 600 src/d/b
expect 0 dedup snapshot -s s -n -v src
LC_ALL=C sort "$OUT" >list
printf '%s\n' "+ $PWD/src/d/new" "M $PWD/src/a" "m $PWD/src/d/" "m $PWD/src/d/b" |
    cmp -s - list || run_fail "$(cat list)"
expect 0 dedup snapshot -s s -n --json src
out_has '{"v":1,"type":"entry","outcome":"new","path":"'"$PWD"'/src/d/new","kind":"file","size":4,"change":"new"}'
out_has '{"v":1,"type":"preview","files":4,*"new":1,"changed":2,"read_bytes":*"had_parent":true,"ignored":0,"metadata":2,"gone":0}'
out_has '*"outcome":"changed","path":"'"$PWD"'/src/d/b","kind":"file","size":2,"change":"metadata"}'
repo_is | cmp -s - before || run_fail "something was stored"
# What it says is what a run does.
read=$(sed -n 's/.*"type":"preview".*"new":\([0-9]*\),"changed":\([0-9]*\).*/\1 \2/p' "$OUT")
expect 0 dedup snapshot -s s --json src
kept=$(sed -n 's/.*"files":\([0-9]*\).*"unchanged_files":\([0-9]*\).*/\1 \2/p' "$OUT")
[ $((${read% *} + ${read#* })) = $((${kept% *} - ${kept#* })) ] ||
    run_fail "it said $read, and did $kept"

expect 1 dedup snapshot -n --stdin x
expect 1 dedup snapshot -n nowhere
expect 3 dedup snapshot -n src nowhere
err_has "dedup: snapshot: warning: $PWD/nowhere: is not there"

# A directory alone, what is gone, and what is another thing now.
rm -r src
mkdir -p src/away/below src/dir src/was-dir src/z
for f in src/a src/away/below/x src/dir/gone1 src/dir/keep src/dir/zgone src/was-file src/z/last; do
    echo content >$f
done
touch -d 2020-01-01 src/a
sleep 0.1
expect 0 dedup snapshot -s t src
expect 0 dedup snapshot -s t -n -v src
out_is
chmod 700 src/dir/../z
expect 0 dedup snapshot -s t -n -v src
out_is "m $PWD/src/z/"
expect 0 dedup snapshot -s t -n -v --ignore-ctime src # its mode is another
out_is "m $PWD/src/z/"
rm -r src/away src/dir/gone1 src/dir/zgone src/z/last src/was-dir src/was-file
mkdir src/was-file
echo file >src/was-dir
cp -p src/a src/a2 && mv src/a2 src/a # nothing but its inode and ctime
expect 0 dedup snapshot -s t -n -v src
sed -i "s,$PWD/,," "$OUT"
LC_ALL=C sort "$OUT" >list
LC_ALL=C sort >want <<'EOF'
m src/
M src/a
- src/away/
m src/dir/
- src/dir/gone1
- src/dir/zgone
M src/was-dir
M src/was-file/
m src/z/
- src/z/last
EOF
cmp -s list want || run_fail "$(diff want list)"
err_has "dedup: snapshot: 4 gone since the last snapshot; 3 with other metadata alone"
expect 0 dedup snapshot -s t -n --json src
out_has '*"outcome":"gone","path":"'"$PWD"'/src/away","kind":"dir","change":"deleted"}'
out_has '{"v":1,"type":"preview",*,"metadata":3,"gone":4}'
# What is left out now is gone from the snapshot, and so is a path that is not
# named any more; the roots' own directories are not.
expect 0 dedup snapshot -s t -n -v --exclude keep src
grep -q "^- .*/src/dir/keep$" "$OUT" || run_fail "what is left out now"
expect 0 dedup snapshot -s u src src/../first
expect 0 dedup snapshot -s u -n -v src
out_is "- $PWD/first"
