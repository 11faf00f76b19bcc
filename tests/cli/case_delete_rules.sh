# shellcheck shell=sh
# restore --delete: what the backup left out by a rule stays, whichever rule;
# --delete-excluded deletes that, too.
mkdir -p top/src/a 'top/src/#x' top/src/b top/src/cache/deep top/src/marked \
    top/src/self/deep
echo '*.above' >top/.dedupignore
printf '*.o\n/b/x.log\n' >top/src/.dedupignore
echo '!y.o' >top/src/a/.dedupignore
echo '*' >top/src/self/.dedupignore # itself, too
printf '# temporary\n*.tmp\n!keep.tmp  \n' >rules
for f in f x.above '#x/f' '#x/y.o' a/f a/x.o a/z.tmp b/f b/x.log b/y.tmp b/Z.BAK \
    cache/x cache/deep/y marked/x self/x self/deep/x z.tmp; do
    echo text >"top/src/$f"
done
echo 'Signature: 8a477f597d28d172789f06886806bc55' >top/src/cache/CACHEDIR.TAG
: >top/src/marked/.nobackup
seq 1000 >top/src/big
cp -a top/src all # with what is left out
new_repo repo
expect 0 dedup snapshot -s s top --exclude-file rules --iexclude '*.bak' \
    --exclude-if-present .nobackup --exclude-caches --exclude-larger-than 1K
rm rules
rm -r top
from="s:$PWD/top/src"
expect 0 dedup restore "$from" -t kept
[ "$(cd kept && find . -type f | LC_ALL=C sort | xargs)" = \
    "./#x/f ./.dedupignore ./a/.dedupignore ./a/f ./b/f ./cache/CACHEDIR.TAG ./f ./marked/.nobackup ./self/.dedupignore" ] ||
    run_fail "the backup holds other files"

# clutter DIR: what no rule leaves out
clutter() {
    mkdir -p "$1/new/deep"
    for f in mine '#x/mine' a/y.o a/keep.tmp b/mine b/deep.log new/mine \
        new/deep/mine; do
        echo mine >"$1/$f"
    done
}
cp -a all out
mkdir -p out/new
echo kept >out/new/x.o
cp -a out want
clutter out
cp -a out before
expect 0 dedup restore "$from" -t out --delete -n
diff -r before out || run_fail "a dry run wrote"
out_has "- $PWD/top/src/#x/mine"
expect 0 dedup restore "$from" -t out --delete
err_is
diff -r want out || run_fail "more or less was deleted"

# These, too, on request; what --exclude names stays even then.
clutter out
expect 0 dedup restore "$from" -t out --delete-excluded --exclude '*.log'
[ "$(cat out/b/x.log)" = text ] || run_fail "--exclude was forgotten"
expect 0 dedup restore "$from" -t out --delete-excluded
diff -r kept out || run_fail "something is left"
mkdir out2
expect 1 dedup restore "$from" "s:$PWD/top/src/a" -t out2 --delete-excluded

# More patterns than a snapshot records: nobody knows what is missing.
mkdir src
echo text >src/f
seq 20000 >many
expect 0 dedup snapshot -s many src --exclude-file many
expect 0 dedup restore "many:$PWD/src" -t out3
echo mine >out3/mine
expect 10 dedup restore "many:$PWD/src" -t out3 --delete
err_has 'dedup: restore: --delete: the backup has more patterns than a snapshot records; --delete-excluded deletes what they left out'
[ -e out3/mine ] || run_fail "it was deleted"
expect 0 dedup restore "many:$PWD/src" -t out3 --delete-excluded
[ ! -e out3/mine ] || run_fail "it was not deleted"

# A pattern that the record of it does not tell.
expect 0 dedup snapshot -s odd src --exclude "$(printf 'a\nb')"
expect 10 dedup restore "odd:$PWD/src" -t out3 --delete
err_has "dedup: restore: --delete: what the backup left out by 'b' is not recorded; --delete-excluded deletes that, too"

# Rules that cannot be read hold for everything below.
mkdir -p src/bad/deep src/link/deep
echo text >src/bad/deep/f
echo text >src/link/deep/f
head -c 5000 /dev/zero | tr '\0' x >src/bad/.dedupignore
ln -s ../f src/link/.dedupignore
expect 3 dedup snapshot -s bad src
expect 0 dedup restore "bad:$PWD/src" -t out4
for d in . bad bad/deep link link/deep; do
    echo mine >out4/$d/mine
done
expect 0 dedup restore "bad:$PWD/src" -t out4 --delete
for d in bad link; do
    err_has "dedup: restore: warning: $PWD/src/$d: nothing in it and below is deleted: the backup could not read it, or not what its .dedupignore says"
done
[ "$(wc -l <"$ERR")" = 2 ] || run_fail "it was not said once"
[ "$(cd out4 && find . -name mine | sort | xargs)" = \
    "./bad/deep/mine ./bad/mine ./link/deep/mine ./link/mine" ] ||
    run_fail "what is not known to be gone was deleted"
rm -r src/bad src/link

# A list: a directory in it was backed up whole, others hold what was named.
mkdir -p src/some src/whole
echo text >src/some/f
echo text >src/some/other
echo text >src/whole/f
printf '%s\n' "$PWD/src/some/f" "$PWD/src/whole" >list
expect 0 dedup snapshot -s list --files-from list
expect 0 dedup restore "list:$PWD/src" -t out5
cp src/some/other out5/some/other
echo mine >out5/whole/mine
echo mine >out5/mine
expect 0 dedup restore "list:$PWD/src" -t out5 --delete
[ "$(cd out5 && find . -type f | sort | xargs)" = \
    "./mine ./some/f ./some/other ./whole/f" ] || run_fail "a list is no tree"

# The repository that the backup left out is not ours any more, but stays.
mkdir place
echo text >place/f
cp -a repo place/repo
expect 0 dedup -r place/repo snapshot -s place place
mv place/repo elsewhere
expect 0 dedup -r elsewhere restore "place:$PWD/place" -t out6
mkdir out6/repo
echo precious >out6/repo/pack
echo mine >out6/mine
for how in --delete --delete-excluded; do
    expect 0 dedup -r elsewhere restore "place:$PWD/place" -t out6 $how
    [ -e out6/repo/pack ] || run_fail "$how: the repository is gone"
done
[ ! -e out6/mine ] || run_fail "what is beside it stays"
