# shellcheck shell=sh
# restore with several arguments: each goes where it would alone.
mkdir -p src/a/sub src/b src/c/sub
echo 1 >src/a/one
echo 2 >src/a/sub/two
echo 3 >src/b/three
echo 4 >src/c/one
echo 5 >src/c/sub/five
echo 6 >src/file
new_repo repo
expect 0 dedup snapshot src
a="latest:$PWD/src/a" b="latest:$PWD/src/b" c="latest:$PWD/src/c"
file="latest:$PWD/src/file"

expect 0 dedup restore "$a" "$b" "$file" -t out --json
[ "$(cat out/one out/sub/two out/three out/file | xargs)" = "1 2 3 6" ] ||
    run_fail "not all is there"
[ "$(grep -c '"type":"summary"' "$OUT")" = 1 ] || run_fail "one summary for all"
out_has '*"type":"summary"*"new":5,*'
expect 0 dedup restore "$a" "$b" "$file" -t out -n
out_is

# Two that would write the same path: nothing is written.
for two in "$a $c" "$c $a" "$a $a" "$file $b latest:$PWD/src"; do
    # shellcheck disable=SC2086 # two words
    expect 10 dedup restore $two -t new
    err_has "dedup: restore: two of the arguments would write *"
    [ ! -e new ] || run_fail "something was written"
done
# One that is not there: nothing either.
expect 1 dedup restore "$a" "latest:$PWD/src/none" -t new
[ ! -e new ] || run_fail "something was written"
expect 1 dedup restore "$a" "$b" -t out --delete

# In place they are apart unless one holds the other.
rm -r src/a src/b
echo mine >src/c/mine
expect 0 dedup restore "$a" "$b" "$c" --in-place --delete
[ "$(cat src/a/sub/two src/b/three src/c/one | xargs)" = "2 3 4" ] ||
    run_fail "not all came back"
[ ! -e src/c/mine ] || run_fail "nothing was deleted"
expect 10 dedup restore "$a" "latest:$PWD/src/a/sub" --in-place
expect 10 dedup restore "latest:$PWD/src/a/sub" latest --in-place
