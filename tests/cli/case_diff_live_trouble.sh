# shellcheck shell=sh
# Live files that cannot be read, vanish, or change while they are compared.
mkdir -m 755 src
mkdir -m 777 nobody
for f in fine other locked; do echo "$f" >"src/$f"; done
mkdir src/shut
echo in >src/shut/in
chmod 755 src/shut
as_nobody true
export DEDUP_REPO="$PWD/nobody/repo" DEDUP_CACHE_DIR="$PWD/nobody/cache"
export DEDUP_KEY_FILE="$PWD/nobody/repo.key"
expect 0 as_nobody dedup init
expect 0 as_nobody dedup snapshot -s s src
sleep 0.1
echo OTHER >src/other
touch src/locked
chmod 0 src/locked src/shut
expect 3 as_nobody dedup diff s --live src
# what is not known is not told, but for what stat tells
[ "$(id -u)" = 0 ] && out_is "M $PWD/src/other
m $PWD/src/shut/"
err_has "dedup: diff: warning: $PWD/src/locked: *"
err_has "dedup: diff: warning: $PWD/src/shut: *"
chmod 644 src/locked
chmod 755 src/shut

# Gone between the listing and the look: it went, and all is well.
if [ "$(id -u)" = 0 ] && command -v strace >/dev/null; then
    vanish() {
        # the leak check of a sanitizer cannot run under strace
        ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -P other \
            -e trace=statx,openat -e inject=statx,openat:error=ENOENT \
            "$DEDUP" "$@"
    }
    expect 0 vanish diff s --live src
    out_has "- $PWD/src/other"
    err_is
    expect 0 vanish diff -v s --live src
    err_has "*$PWD/src/other: *"
fi

# A file that does not hold still: exit 0, and said with -v.
mkdir busy
head -c 100000000 /dev/zero | tr '\0' x >busy/f
expect 0 dedup snapshot -s b busy
(while :; do touch busy/f; done) &
writer=$!
for try in 1 2 3 4 5 6 7 8; do # the other one may not have come to it
    "$DEDUP" diff -v b --live busy >"$OUT" 2>"$ERR"
    code=$?
    grep -q 'kept changing' "$ERR" && break
done
kill $writer
wait $writer 2>/dev/null
[ "$code" = 0 ] || run_fail "a changing file: exit $code"
# shellcheck disable=SC2034 # for the messages of out_has
run_line="a changing file, $try"
err_has "dedup: diff: $PWD/busy/f: kept changing while it was read"
out_is "m $PWD/busy/f"

# The role
new_repo roles
mkdir small
echo small >small/f
expect 0 dedup snapshot -s r small
for role in read write maintain; do
    expect 0 dedup key add --role $role --label $role --new-key-file $role.key
done
cp -a small copy
for role in read maintain; do
    export DEDUP_KEY_FILE="$PWD/$role.key" DEDUP_CACHE_DIR="$PWD/$role.cache"
    expect 0 dedup diff "r:$PWD/small" --live copy
    out_is
done
export DEDUP_KEY_FILE="$PWD/write.key" DEDUP_CACHE_DIR="$PWD/write.cache"
expect 5 dedup diff "r:$PWD/small" --live copy
