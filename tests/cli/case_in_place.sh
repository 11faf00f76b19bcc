# shellcheck shell=sh
# restore --in-place: back to where it came from, which takes the word.
mkdir -p src/d other
echo one >src/f
echo two >src/d/g
new_repo repo
expect 0 dedup snapshot src
cp -a src as_stored

spoil() {
    rm -rf src
    cp -a as_stored src
    echo changed >src/f
    rm src/d/g
    echo mine >src/mine
}
# like_stored PATH...: it is
like_stored() {
    for f; do
        cmp "src/$f" "as_stored/$f" || run_fail "$f did not come back"
    done
}
spoil
expect 1 dedup restore "latest:$PWD/src"
expect 1 dedup restore "latest:$PWD/src" --in-place --target other
expect 0 dedup restore "latest:$PWD/src" --in-place -n
[ "$(cat src/f)" = changed ] || run_fail "the dry run wrote"
expect 0 dedup restore "latest:$PWD/src" --in-place -v
err_has "dedup: restore: in place: what differs from the snapshot below $PWD/src is overwritten"
like_stored f d/g
[ -e src/mine ] || run_fail "something was deleted"

# One file; whoever reads the old one goes on reading it.
spoil
exec 4<src/f
expect 0 dedup restore "latest:$PWD/src/f" --in-place -v
err_has "*snapshot in $PWD/src is overwritten"
like_stored f
[ "$(cat <&4)" = changed ] || run_fail "the old file was written into"
exec 4<&-
[ ! -e src/d/g ] || run_fail "more than the file was restored"

# A whole snapshot goes to /.
spoil
expect 0 dedup restore latest --in-place --include "$PWD/src" --delete -v
err_has "*below / is overwritten, and what it does not have is deleted"
like_stored f d/g
[ ! -e src/mine ] || run_fail "nothing was deleted"

# No link leads a restore elsewhere.
mv src moved
ln -s other src
expect 10 dedup restore "latest:$PWD/src" --in-place
expect 10 dedup restore "latest:$PWD/src/d" --in-place
[ -z "$(ls -A other)" ] || run_fail "a link was followed"
rm src
expect 0 dedup restore "latest:$PWD/src" --in-place
like_stored f d/g

# Nor one machine's files over another's.
expect 0 dedup snapshot src --host another -s another
expect 10 dedup restore "another:$PWD/src" --in-place
err_has "*--in-place: the snapshot is of the machine another, this is *"
expect 0 dedup restore "another:$PWD/src" --target src
