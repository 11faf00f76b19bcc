# shellcheck shell=sh
# What is left out, which paths, when, and whether at all.
mkdir -p src/a/cache src/b
echo keep >src/a/keep
echo obj >src/a/x.o
echo OBJ >src/a/Y.O
printf 'Signature: 8a477f597d28d172789f06886806bc55\n' >src/a/cache/CACHEDIR.TAG
echo c >src/a/cache/c
echo no >src/b/.nobackup
echo b >src/b/b
seq 10000 >src/big
echo '*.o' >src/.dedupignore
new_repo repo

# holds SNAP NAMES...: exactly these files, by their names below src
holds() {
    snap=$1
    shift
    expect 0 dedup ls -lR "$snap:$PWD/src"
    sed -n 's,^[-l].*/work/src/\([^ ]*\).*,\1,p' "$OUT" | LC_ALL=C sort >have
    printf '%s\n' "$@" | LC_ALL=C sort >want
    cmp -s have want || run_fail "$snap holds $(tr '\n' ' ' <have)"
}

expect 0 dedup snapshot -s plain src
holds plain .dedupignore a/Y.O a/cache/CACHEDIR.TAG a/cache/c a/keep b/.nobackup b/b big
expect 0 dedup snapshot -s all --no-ignore-files src
holds all .dedupignore a/Y.O a/cache/CACHEDIR.TAG a/cache/c a/keep a/x.o b/.nobackup b/b big
expect 0 dedup snapshot -s less --iexclude '*.o' --exclude-caches \
    --exclude-if-present .nobackup --exclude-larger-than 10K src
holds less .dedupignore a/cache/CACHEDIR.TAG a/keep b/.nobackup
expect 0 dedup snapshot -s head --exclude-if-present .nobackup:no \
    --exclude-if-present CACHEDIR.TAG:other src
holds head .dedupignore a/Y.O a/cache/CACHEDIR.TAG a/cache/c a/keep b/.nobackup big
# The command line comes before the files: it takes back in, and leaves out.
expect 0 dedup snapshot -s first --exclude '!x.o' --exclude keep src
holds first .dedupignore a/Y.O a/cache/CACHEDIR.TAG a/cache/c a/x.o b/.nobackup b/b big
# A pattern file that cannot be read leaves nothing out, and is told.
mv src/.dedupignore kept
ln -s /etc/passwd src/.dedupignore
expect 3 dedup snapshot -s link src
err_has "dedup: snapshot: *src: .dedupignore was not heeded: it is not a regular file"
rm src/.dedupignore
# Nor can whoever may write there make the backup of all others slow: neither
# with many patterns, nor with costly ones.
d=deep
for name in a b c d e f g h i j k l; do
    d=$d/$name
    mkdir -p $d
    yes a | head -c 1048576 >$d/.dedupignore
done
touch $d/a
expect 3 dedup snapshot -s deep deep
err_has "*/deep/a: .dedupignore was not heeded: longer than 64 KiB"
expect 0 dedup ls -R "deep:$PWD/$d"
out_has "*a*"
long=$(printf %0200d 0 | tr 0 a)
yes '*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*[bc]*' | head -500 >src/.dedupignore
touch "src/$long" "src/${long}b"
expect 3 dedup snapshot -s costly src
err_has "*src: .dedupignore is not heeded from here on: its patterns take too long"
[ "$(grep -c 'take too long' "$ERR")" = 1 ] || run_fail "not told once"
rm "src/$long" "src/${long}b" src/.dedupignore
mv kept src/.dedupignore
# What was left out is told, and by whom.
expect 0 dedup snapshot -v -s plain src
err_has "*: 1 left out, 1 of them by .dedupignore"
expect 0 dedup snapshot -v -s plain -e big src
err_has "*: 2 left out, 1 of them by .dedupignore"
expect 0 dedup snapshot -v -s plain --no-ignore-files -e big src
err_has "*: 1 left out, 0 of them by .dedupignore"
expect 0 dedup snapshot -v -s plain --no-ignore-files src
! grep -q 'left out' "$ERR" || run_fail "nothing was left out"
expect 0 dedup snapshot --json -s plain -e big src
out_has '*"excluded":2,*},"ignored":1*}'
expect 0 dedup snapshot -n -s plain -e big src
expect 0 dedup snapshot -n -v -s plain -e big src
err_has "*; 2 left out, 1 of them by .dedupignore, 0 problems"
expect 0 dedup snapshot -n --json -s plain -e big src
out_has '*"excluded":2,*,"ignored":1,*}'
for bad in "--exclude-if-present a/b" "--exclude-if-present :x" \
    "--exclude-larger-than 0" "--exclude-larger-than much"; do
    # shellcheck disable=SC2086 # two words
    expect 1 dedup snapshot $bad src
done
expect 1 dedup snapshot --exclude-caches --stdin x

# Paths from lists.
printf '%s\n\n%s\n' src/a/keep "$PWD/src/b" >list
expect 0 dedup snapshot -s list --files-from list
holds list a/keep b/.nobackup b/b
printf 'src/a/keep\0src/big' >list0
expect 0 dedup snapshot -s list --files-from0 list0 src/b
holds list a/keep b/.nobackup b/b big
expect 0 sh -c "'$DEDUP' snapshot -s list --files-from - <list"
holds list a/keep b/.nobackup b/b
expect 1 dedup snapshot -s list --files-from list0
err_like "*list0: a NUL byte in it: is it for --files-from0?*"
expect 1 dedup snapshot --files-from list
err_like "*--files-from needs --series NAME*"
: >none
expect 1 dedup snapshot -s list --files-from none
expect 1 dedup snapshot -s list --files-from nowhere
echo /nowhere >none
expect 1 dedup snapshot -s list --files-from none
err_like "*/nowhere: no such file or directory*"
seq -f "$PWD/src/%.0f" 100001 >many
expect 1 dedup snapshot -s list --files-from many
err_like "*more than 100000 paths*"

# Of which host, and when.
expect 0 dedup snapshot --host mail7 src
expect 0 dedup snapshots --json -s "mail7@$(echo "$PWD/src" | sed 's,^/,,; s,/,-,g')"
out_has '*"host":"mail7"*'
expect 1 dedup snapshot --host \
    a-name-of-more-than-sixty-four-letters-is-none-that-any-host-would-have src
expect 0 dedup snapshot -s past --time 2020-02-29T12:34 src
expect 0 dedup snapshots --json -s past
out_has '*"begin":"2020-02-29T12:34:00.000000000Z"*'
for bad in 2020-02-29 2021-02-29T12:00 soon 2099-01-01T00:00 1700-01-01T00:00; do
    expect 1 dedup snapshot -s past --time $bad src
done
# What a run says of itself is what it took, whatever it is said to be of.
expect 0 dedup snapshot -v -s past --time 2021-01-01T00:00 src
err_has "*: done in [0-9]*s; *"
expect 0 dedup snapshot -v -s epoch --time 1970-01-01T00:00Z src
err_has "*: done in [0-9]*s; *"
# Old copies come oldest first: the newest is the newest by either order.
expect 0 dedup snapshot -s past --time 2021-01-01T00:00 src
expect 10 dedup snapshot -s past --time 2020-12-31T23:59:59 src
err_is "dedup: snapshot: --time 2020-12-31 23:59:59: series 'past' has a snapshot of 2021-01-01 00:00:00 already, and its last must be its newest; give another --series"
expect 10 dedup snapshot -n -s past --time 2020-12-31T23:59:59 src
expect 10 dedup snapshot -s plain --time 2021-01-01T00:00 src
expect 0 dedup snapshot -s past src
expect 10 dedup snapshot -s past --time 2022-01-01T00:00 src

# Not at all, when nothing has changed.
sleep 0.1 # what changed just now is not taken for unchanged
expect 0 dedup snapshot -s same --skip-if-unchanged --print-id src
first=$(cat "$OUT")
expect 0 dedup snapshot -s same --skip-if-unchanged --print-id src
out_is "$first"
chmod 711 . # what is above does not count
expect 0 dedup snapshot -s same --skip-if-unchanged --print-id src
out_is "$first"
expect 0 dedup snapshot -s same --skip-if-unchanged --json src
out_has '*"skipped":true*'
for change in "rm src/b/b" "mkdir src/e" "rmdir src/e" "chmod 700 src" "ln -s x src/l"; do
    expect 0 sh -c "$change"
    sleep 0.1
    expect 0 dedup snapshot -s same --skip-if-unchanged --print-id src
    [ "$(cat "$OUT")" != "$first" ] || run_fail "skipped after $change"
    first=$(cat "$OUT")
done
expect 0 dedup snapshot -s same --skip-if-unchanged --print-id --exclude big src
[ "$(cat "$OUT")" != "$first" ] || run_fail "skipped although something is left out"
first=$(cat "$OUT")
expect 0 dedup snapshot -s same --skip-if-unchanged --print-id src
[ "$(cat "$OUT")" != "$first" ] || run_fail "skipped although something came back"
first=$(cat "$OUT")
chmod 600 src/big
expect 0 dedup snapshot -s same --skip-if-unchanged --print-id src
[ "$(cat "$OUT")" != "$first" ] || run_fail "a changed mode was skipped"
second=$(cat "$OUT")
sleep 0.1
expect 0 dedup snapshot -s same --skip-if-unchanged --print-id src
expect 0 dedup snapshot -s same --skip-if-unchanged --print-id src
out_is "$(cat "$OUT")"
expect 0 dedup snapshot -s same --print-id src
[ "$(cat "$OUT")" != "$second" ] || run_fail "skipped without being asked"

# What counts as a change.
touched() { # touched WANT OPTION...: how many files are read again
    want=$1
    shift
    sleep 0.1
    expect 0 dedup snapshot -s touched --json "$@" src
    read=$(sed -n 's/.*"files":\([0-9]*\).*"unchanged_files":\([0-9]*\).*/\1 \2/p' "$OUT")
    [ $((${read% *} - ${read#* })) = "$want" ] || run_fail "$read, not $want ($*)"
}
sleep 0.1
expect 0 dedup snapshot -s touched src
touched 0
chmod 640 src/big
chmod 600 src/big # only its ctime is another
touched 0 --ignore-ctime
chmod 640 src/big
chmod 600 src/big
touched 1
cp -p src/big other
mv other src/big # inode and ctime
touched 1 --ignore-ctime
cp -p src/big other
mv other src/big
touched 1 --ignore-inode
cp -p src/big other
mv other src/big
touched 0 --ignore-inode --ignore-ctime
# Names of one file are told by its number: they are read again.
ln src/big src/big2
touched 2
cp -p src/big other
ln other other2
mv other src/big
mv other2 src/big2
touched 2 --ignore-inode --ignore-ctime
expect 0 dedup restore touched --target out
[ "$(stat -c %i "out$PWD/src/big")" = "$(stat -c %i "out$PWD/src/big2")" ] ||
    run_fail "two names of one file came back as two files"
expect 0 dedup check --read-data
