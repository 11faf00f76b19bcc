# shellcheck shell=sh
# What did not change is not opened; what did is read.
command -v strace >/dev/null || skip "strace is not installed"
mkdir src src/sub
for i in $(seq 40); do
    echo "content $i" >"src/sub/text-$i"
done
# Times so old that equal ones prove something.
touch -d 2020-01-01 src/sub/*
sleep 1
new_repo repo
expect 0 dedup snapshot -s s src

# opened ARG...: how many of the files a snapshot opens
opened() {
    # the leak check of a sanitizer cannot run under strace
    ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace -e trace=openat,openat2,open "$DEDUP" snapshot \
        -s s "$@" src >"$OUT" 2>"$ERR" || run_fail "snapshot under strace"
    grep -cE '"(.*/)?text-[0-9]+"' trace
}
# opens N WHAT: a snapshot opens N of them
opens() {
    n=$(opened)
    [ "$n" = "$1" ] || run_fail "$2: $n opened, not $1: $(grep -E 'text-[0-9]+"' trace)"
}
opens 0 "nothing changed"
echo changed >src/sub/text-7
opens 1 "one file changed"
expect 0 dedup cat "s:$PWD/src/sub/text-7"
out_is changed
# The same size and mtime, another inode or ctime: it is read.
echo "another7" >src/sub/text-7
sleep 1
opens 1 "one file changed again"
cp -p src/sub/text-8 text-8
echo "CONTENT 8" >src/sub/text-8
touch -r text-8 src/sub/text-8
opens 1 "a file changed but not its mtime"
expect 0 dedup cat "s:$PWD/src/sub/text-8"
out_is "CONTENT 8"
sleep 1
[ "$(opened --force)" -ge 40 ] || run_fail "--force does not read all"
# A cache that is gone changes nothing about that.
expect 0 dedup snapshot -s s src
rm -r repo.cache
opens 0 "the cache is gone"
