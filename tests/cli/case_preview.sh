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
grep -qxF "new      $PWD/src/" first || run_fail "the directory: $(cat first)"
grep -qxF "new      $PWD/src/d/b" first || run_fail "a file: $(cat first)"
grep -qxF "new      $PWD/src/l" first || run_fail "a link: $(cat first)"
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
printf '%s\n' "changed  $PWD/src/a" "changed  $PWD/src/d/b" "new      $PWD/src/d/new" |
    cmp -s - list || run_fail "$(cat list)"
expect 0 dedup snapshot -s s -n --json src
out_has '{"v":1,"type":"entry","outcome":"new","path":"'"$PWD"'/src/d/new","kind":"file","size":4}'
out_has '{"v":1,"type":"preview","files":4,*"new":1,"changed":2,"read_bytes":*"had_parent":true,"ignored":0}'
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
