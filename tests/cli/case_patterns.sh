# shellcheck shell=sh
# What is left out, in the order of the command line; what is restored.
mkdir -p src/keep src/cache/deep
for f in a.o b.c keep/a.o keep/c.c cache/x cache/deep/y; do
    echo "$f" >"src/$f"
done
new_repo repo

# holds NAME...: the files below src in the newest snapshot of series s
holds() {
    "$DEDUP" ls -R --json "s:$PWD/src" >list 2>&1 || run_fail "ls"
    grep '"kind":"file"' list | sed -n 's,.*"path":"'"$PWD"'/src/\([^"]*\)".*,\1,p' >have
    printf '%s\n' "$@" >want
    cmp -s have want || run_fail "it holds $(tr '\n' ' ' <have), not $*"
}
expect 0 dedup snapshot -s s src
holds a.o b.c cache/deep/y cache/x keep/a.o keep/c.c
expect 0 dedup snapshot -s s -e '*.o' -e cache/ src
holds b.c keep/c.c
expect 0 dedup snapshot -s s -e '*.o' -e '!keep/*.o' -e "!$PWD/src/keep/*.o" src
holds b.c cache/deep/y cache/x keep/a.o keep/c.c
expect 0 dedup snapshot -s s -e "!*.o" -e '*.o' src
holds b.c cache/deep/y cache/x keep/c.c
printf '# a comment\n\n*.o\n!a.o\n' >patterns
expect 0 dedup snapshot -s s --exclude-file patterns src
holds a.o b.c cache/deep/y cache/x keep/a.o keep/c.c
expect 0 dedup snapshot -s s --exclude-file patterns -e a.o src
holds b.c cache/deep/y cache/x keep/c.c
expect 0 dedup snapshot -s s -e a.o --exclude-file patterns src
holds a.o b.c cache/deep/y cache/x keep/a.o keep/c.c
# A named path is never left out.
expect 0 dedup snapshot -s s -e src -e keep src/keep src
holds a.o b.c cache/deep/y cache/x keep/a.o keep/c.c
expect 1 dedup snapshot -s s --exclude-file nowhere src
err_like '*nowhere: No such file*'
expect 0 dedup snapshots --json
out_has '*"series":"s"*'

# Restoring a part.
back() {
    find out -type f -printf '%P\n' 2>/dev/null | sort >have
    printf '%s\n' "$@" | sed '/^$/d' | sort >want
    cmp -s have want || run_fail "it restored $(tr '\n' ' ' <have), not $*"
    rm -rf out
}
expect 0 dedup restore "s:$PWD/src" -t out -i '*.o'
back a.o keep/a.o
expect 0 dedup restore "s:$PWD/src" -t out -i "$PWD/src/keep"
back keep/a.o keep/c.c
# What selects nothing restores nothing, and says so.
expect 1 dedup restore "s:$PWD/src" -t out -i '*.none' -i /keep
err_is "dedup: restore: nothing in s:$PWD/src matches --include '*.none' '/keep'"
[ ! -e out ] || run_fail "it made the target for nothing"
expect 1 dedup restore s -t out/below -i '*.o' -e src -n
err_like "*matches --include '*.o' and none of --exclude*"
mkdir out
touch -d 2020-01-01 out
expect 1 dedup restore "s:$PWD/src" -t out -i '*.none'
[ "$(stat -c %Y out)" = 1577836800 ] || run_fail "it touched the target"
expect 1 dedup restore "s:$PWD/src/a.o" -t out -i b.c
back
expect 0 dedup restore "s:$PWD/src" -t new/out -i '*.o'
mv new/out .
back a.o keep/a.o
expect 0 dedup restore "s:$PWD/src" -t out -e cache -e '*.c'
back a.o keep/a.o
expect 0 dedup restore "s:$PWD/src" -t out -i '*.o' -i '*.c' -e keep
back a.o b.c
