# shellcheck shell=sh
# The repository's own storage fails: said once, on what, and what can be done.
mkdir src
seq 200000 >src/numbers
new_repo repo
expect 0 dedup snapshot -s one src

# once PATTERN: the one line on standard error has it once
record='w/[0-9a-f]{32}/'
once() {
    [ "$(wc -l <"$ERR")" = 1 ] || run_fail "'$run_line': not one line"
    [ "$(grep -oE -- "$1" "$ERR" | wc -l)" = 1 ] ||
        run_fail "'$run_line': '$1' is not named once"
}

# A place that cannot be written; root can write everywhere but here.
if command -v strace >/dev/null; then
    failing() {
        call=$1
        error=$2
        shift 2
        ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace="$call" \
            -e inject="$call:error=$error" "$DEDUP" "$@"
    }
    expect 9 failing linkat EIO snapshot -s two src
    once "$PWD/repo"
    once "$record"
    err_like "dedup: snapshot: w/*: $PWD/repo: cannot *: Input/output error; the disk or its connection may be failing, *"
    expect 7 failing linkat ENOSPC snapshot -s two src
    once "$PWD/repo"
    once "$record"
    err_like "*: No space left on device (* bytes free); make room there and run it again: nothing that is stored is lost"
fi
expect 0 dedup snapshots -s two
out_is

# A pack that is cut short names itself once.
for pack in repo/packs/*/*; do
    cp "$pack" pack.copy
    chmod u+w "$pack"
    : >"$pack"
    "$DEDUP" cat "one:$PWD/src/numbers" >"$OUT" 2>"$ERR"
    code=$?
    run_line="cat without ${pack#repo/}"
    [ $code = 8 ] || run_fail "exit $code, not 8"
    once "${pack#repo/}"
    cat pack.copy >"$pack"
done
expect 0 dedup check --read-data

# A repository on a full disk.
if [ "$(id -u)" = 0 ] && mkdir small &&
    mount -t tmpfs -o size=1m tmpfs small 2>/dev/null; then
    trap 'umount -l "$RUN_TMP/work/small"; run_clean' EXIT
    head -c 3000000 /dev/urandom >src/random
    (
        new_repo small/repo
        mv small/repo.key .
        export DEDUP_KEY_FILE="$PWD/repo.key" DEDUP_CACHE_DIR="$PWD/repo.cache"
        expect 7 dedup snapshot src
        once "$PWD/small/repo"
        err_like "*No space left on device*; make room there and run it again: *"
        rm src/random
        mount -o remount,size=9m small
        expect 0 dedup snapshot src
        expect 0 dedup check
    ) || exit 1
fi
