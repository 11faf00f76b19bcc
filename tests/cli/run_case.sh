#!/bin/sh
# Runs one case of the command line: `run_case.sh BINARY CASE`.
#
# A case is a shell script, sourced with these words at hand. It runs in an
# empty directory of its own ($PWD, removed afterwards) with HOME in it, TZ=UTC,
# no DEDUP_ variable, no terminal and nothing on standard input. It fails at
# the first expectation that does not hold.
#
#   expect CODE COMMAND...   run it; its exit code must be CODE. Its output is
#                            in the files $OUT and $ERR until the next one
#   out_is TEXT              standard output was exactly TEXT and a newline;
#                            no TEXT: it was empty
#   out_like GLOB            all of it matches a shell pattern
#   out_has GLOB             one line of it does
#   err_is, err_like, err_has   the same of standard error
#   same A B                 two files or trees are equal
#   skip WHY                 this machine cannot run the case
#
# and these for cases about a repository:
#
#   new_repo NAME [ARG...]   make one in $PWD/NAME, with init's ARGs, a key file
#                            beside it (no KDF, no waiting) and a cache, and
#                            make it the one that every later command means
#   odd DIR                  make DIR with everything odd in it
#   restored [OPT] A B       two trees are equal in all that a backup keeps;
#                            OPT is one of treecmp's
#   as_nobody COMMAND...     run it without root's rights, PWD as it is
#   on_terminal INPUT COMMAND...   run it on a terminal of its own, where INPUT
#                            is typed, a line for each prompt; both outputs
#                            arrive in $OUT; to be run by expect
#   plain FILE               FILE is UTF-8 without control characters but
#                            newlines
#
#   meanwhile PID COMMAND... wait until the command succeeds, which process PID
#                            brings about; it fails when PID has ended before
#
# `dedup` is the program under test, $DEDUP its path, for `env` and the like.
# shellcheck disable=SC2317 # the case calls what looks unreachable
set -u

# Mounts of a case vanish with it, however it ends.
if [ "$(id -u)" = 0 ] && [ -z "${RUN_CASE_ALONE-}" ] &&
    unshare -m true 2>/dev/null; then
    RUN_CASE_ALONE=1 exec unshare -m sh "$0" "$@"
fi
unset RUN_CASE_ALONE

DEDUP=$(realpath "$1")
RUN_CASE=$(realpath "$2")
RUN_NAME=$(basename "$2" .sh)
RUN_TOOLS=$(dirname "$DEDUP")/../tests/support

for run_v in $(env | sed -n 's/^\(DEDUP_[A-Z0-9_]*\)=.*/\1/p'); do
    unset "$run_v"
done
unset run_v NO_COLOR COLUMNS CREDENTIALS_DIRECTORY XDG_CACHE_HOME
export LC_ALL=C TZ=UTC TERM=dumb
# A directory named after its process: those of killed ones are removed.
RUN_SPACE=$(stat -Lc %i /proc/self/ns/pid)
# run_remove DIR: also immutable files, and directories that nobody may enter
run_remove() {
    chattr -Rf -ia "$1" >/dev/null 2>&1
    chmod -R u+rwX "$1" 2>/dev/null
    rm -rf --one-file-system "$1"
}
for run_d in "${TMPDIR:-/tmp}/case_${RUN_SPACE}_"*; do
    run_p=${run_d#*/case_"${RUN_SPACE}"_}
    [ -d "$run_d" ] && [ -O "$run_d" ] && [ ! -d "/proc/${run_p%%_*}" ] &&
        run_remove "$run_d"
done
RUN_TMP=$(mktemp -d "${TMPDIR:-/tmp}/case_${RUN_SPACE}_$$_XXXXXX") || exit 1
run_clean() {
    cd / || exit 1
    # one whose program still serves it would keep that alive
    sed -n "s,^[^ ]* \(${RUN_TMP}[^ ]*\) fuse[. ].*,\1,p" /proc/self/mounts |
        while IFS= read -r run_d; do
            umount -l "$run_d"
        done
    run_remove "$RUN_TMP"
}
trap run_clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$RUN_TMP/work" "$RUN_TMP/io" "$RUN_TMP/home"
HOME=$RUN_TMP/home
OUT=$RUN_TMP/io/out
ERR=$RUN_TMP/io/err
export HOME OUT ERR
cd "$RUN_TMP/work" || exit 1
exec </dev/null
umask 022

dedup() {
    "$DEDUP" "$@"
}

run_fail() {
    echo "$RUN_NAME: $1" >&2
    for run_f in out err; do
        [ -s "$RUN_TMP/io/$run_f" ] || continue
        echo "--- std$run_f was:" >&2
        head -c 4000 "$RUN_TMP/io/$run_f" >&2
    done
    exit 1
}

expect() {
    run_want=$1
    shift
    run_line=$*
    "$@" >"$OUT" 2>"$ERR"
    run_got=$?
    [ "$run_got" = "$run_want" ] ||
        run_fail "'$run_line' exited $run_got, not $run_want"
}

# run_is STREAM [TEXT]
run_is() {
    if [ $# = 1 ]; then
        : >"$RUN_TMP/io/want"
    else
        printf '%s\n' "$2" >"$RUN_TMP/io/want"
    fi
    cmp -s "$RUN_TMP/io/$1" "$RUN_TMP/io/want" ||
        run_fail "'$run_line': std$1 is not '${2-}'"
}

run_like() {
    # shellcheck disable=SC2254 # a pattern on purpose
    case $(cat "$RUN_TMP/io/$1") in $2) ;; *)
        run_fail "'$run_line': std$1 is not like '$2'"
        ;;
    esac
}

run_has() {
    while IFS= read -r run_l || [ -n "$run_l" ]; do
        # shellcheck disable=SC2254
        case $run_l in $2) return ;; esac
    done <"$RUN_TMP/io/$1"
    run_fail "'$run_line': no line of std$1 is like '$2'"
}

out_is() { run_is out "$@"; }
err_is() { run_is err "$@"; }
out_like() { run_like out "$1"; }
err_like() { run_like err "$1"; }
out_has() { run_has out "$1"; }
err_has() { run_has err "$1"; }

same() {
    diff -r --no-dereference "$1" "$2" >"$OUT" 2>&1 ||
        run_fail "$1 and $2 differ"
}

new_repo() {
    export DEDUP_REPO="$PWD/$1" DEDUP_KEY_FILE="$PWD/$1.key"
    export DEDUP_CACHE_DIR="$PWD/$1.cache"
    shift
    expect 0 dedup init "$@"
}

odd() {
    mkdir "$1"
    "$RUN_TOOLS/oddtree" "$1" >"$RUN_TMP/io/odd" 2>&1 ||
        run_fail "oddtree: $(cat "$RUN_TMP/io/odd")"
    sleep 0.1 # what changed just now is not taken for unchanged
}

restored() {
    "$RUN_TOOLS/treecmp" "$@" >"$OUT" 2>"$ERR" ||
        run_fail "treecmp $*: they differ"
}

as_nobody() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    command -v setpriv >/dev/null || skip "setpriv is not installed"
    chmod 755 "$RUN_TMP" "$RUN_TMP/work"
    if [ "$1" = dedup ]; then
        # a copy: nobody need not be able to reach the build
        [ -f "$RUN_TMP/dedup" ] || cp "$DEDUP" "$RUN_TMP/dedup"
        shift
        set -- "$RUN_TMP/dedup" "$@"
    fi
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

on_terminal() {
    command -v script >/dev/null || skip "script is not installed"
    run_typed=$1
    shift
    # What is typed before a prompt is thrown away: each line waits for its own.
    printf '%b' "$run_typed" | {
        run_k=1
        while IFS= read -r run_l; do
            run_prompted "$run_k"
            run_k=$((run_k + 1))
            printf '%s\n' "$run_l"
        done
    } | script -qefc "$*
        run_code=\$?
        sleep 0.2 # what was printed last may still be on its way
        exit \$run_code" /dev/null
}

# The N-th prompt is in $OUT, or never will be.
run_prompted() {
    run_n=0
    until [ "$(grep -aoE '(passphrase|once more|line [0-9]+): ' "$OUT" | wc -l)" -ge "$1" ] ||
        [ "$run_n" -ge 1500 ]; do
        run_n=$((run_n + 1))
        sleep 0.02
    done
}

plain() {
    if tr -d '\n\040-\176\200-\377' <"$1" | grep -q . ||
        ! iconv -f UTF-8 -t UTF-8 "$1" >/dev/null 2>&1; then
        run_fail "'$run_line': control characters or raw bytes in $1"
    fi
}

# Long enough for any machine, short enough to end.
meanwhile() {
    run_pid=$1
    shift
    run_n=0
    until "$@" >/dev/null 2>&1; do
        kill -0 "$run_pid" 2>/dev/null ||
            run_fail "process $run_pid ended before '$*'"
        run_n=$((run_n + 1))
        [ "$run_n" -lt 6000 ] || run_fail "'$*' never came about"
        sleep 0.02
    done
}

skip() {
    echo "skipped: $1"
    exit 77
}

# shellcheck disable=SC1090 # the case
. "$RUN_CASE"
exit 0
