# shellcheck shell=sh
# Files that cannot be read, are gone, or keep changing.
new_repo repo
mkdir -m 755 src
echo fine >src/fine

# One root that is missing: named, exit 3, the rest is there.
expect 3 dedup snapshot -s missing src nowhere
out_is
err_is "dedup: snapshot: warning: $PWD/nowhere: is not there"
expect 0 dedup cat "missing:$PWD/src/fine"
out_is fine
# All of them: nothing is committed that could pass for a backup.
expect 0 dedup snapshots
cp "$OUT" before
expect 1 dedup snapshot nowhere
err_is "dedup: snapshot: $PWD/nowhere: no such file or directory"
expect 1 dedup snapshot nowhere here/neither
expect 0 dedup snapshots
cmp -s "$OUT" before || run_fail "something was committed"
# A root that is a dangling link is there.
ln -s nothing dangling
expect 0 dedup snapshot -s dangling dangling
err_is

# Gone between the listing and the look.
if command -v strace >/dev/null; then
    echo soon gone >src/gone
    vanish() {
        # the leak check of a sanitizer cannot run under strace
        ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -P gone \
            -e trace=statx,openat -e inject=statx,openat:error=ENOENT \
            "$DEDUP" "$@"
    }
    expect 0 vanish snapshot -s vanished src
    err_is
    expect 0 vanish snapshot -s vanished2 src --json
    out_has '{"v":1,"type":"problem","kind":"vanished",*"path":"*src/gone"*}'
    expect 3 vanish snapshot -s vanished3 src --strict
    err_like "dedup: snapshot: warning: $PWD/src/gone: vanished*"
    expect 1 dedup cat "vanished:$PWD/src/gone"
    expect 0 dedup cat "vanished:$PWD/src/fine"
    rm src/gone
fi

# Still changing after a second look: stored as it was, read again next time.
head -c 200000000 /dev/zero | tr '\0' x >src/busy
(while :; do printf . >>src/busy; done) &
writer=$!
"$DEDUP" snapshot -s busy src --json >"$OUT" 2>"$ERR"
code=$?
"$DEDUP" snapshot -s busy2 src --strict 2>"$ERR.strict" >/dev/null
strict=$?
kill $writer
wait $writer 2>/dev/null
[ $code = 0 ] || run_fail "a changing file: exit $code"
# shellcheck disable=SC2034 # for the messages of out_has
run_line='a changing file'
out_has '{"v":1,"type":"problem","kind":"changing",*"path":"*src/busy"*}'
err_is
[ $strict = 3 ] || run_fail "a changing file with --strict: exit $strict"
grep -q 'src/busy: kept changing while it was read' "$ERR.strict" ||
    run_fail "--strict does not name it"
expect 0 dedup snapshot -s busy src
expect 0 dedup cat "busy:$PWD/src/busy"
cmp -s "$OUT" src/busy || run_fail "it was not read again"
rm src/busy

# No permission: named, exit 3, at most 20 of them; the snapshot keeps a list.
for i in $(seq 25); do
    echo secret >"src/secret$i"
    chmod 0 "src/secret$i"
done
mkdir -m 700 src/locked
: >src/locked/inside
mkdir nobody
chmod 777 nobody
chmod 644 repo.key
export DEDUP_REPO="$PWD/nobody/repo" DEDUP_CACHE_DIR="$PWD/nobody/cache"
as_nobody true
expect 0 as_nobody dedup init
if [ "$(id -u)" != 0 ]; then
    chmod 0 src/locked
else
    chown -R 0 src/locked
fi
expect 3 as_nobody dedup snapshot -s s src
out_is
[ "$(grep -c 'warning: .*: Permission denied' "$ERR")" = 20 ] ||
    run_fail "not 20 are named"
err_has "dedup: snapshot: warning: 26 troubles in all, of which the first 20 are named above"
expect 3 as_nobody dedup snapshot -s s src --json
[ "$(grep -c '"type":"problem","kind":"unreadable"' "$OUT")" = 26 ] ||
    run_fail "--json does not name all"
expect 0 as_nobody dedup cat "s:$PWD/src/fine"
out_is fine
expect 0 as_nobody dedup snapshots --json
out_has '*"problems":26*'
