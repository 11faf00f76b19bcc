#!/bin/sh
# Takes one check of the protocol out of the code at a time and tells within how
# many histories the simulator finds that lost data, else which of test_races,
# else whether something is left. With -a test_races runs for each. By hand:
#
#     tests/sim/mutants.sh [-a] [-n HISTORIES] [-t SECONDS] [-s SEED] [-w WORK] [NAME...]
#
# A mutant is a file mutants/NAME.mutant: comments, and lines of a file and an
# extended sed expression, split by a tab. One that changes nothing is an error:
# the code has moved on. WORK is a directory to build in, kept when it is given.
set -u

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
histories=3000
seconds=60
seed=1
work=
all=
while getopts an:t:s:w: o; do
    case $o in
    a) all=yes ;;
    n) histories=$OPTARG ;;
    t) seconds=$OPTARG ;;
    s) seed=$OPTARG ;;
    w) work=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
if [ -z "$work" ]; then
    work=$(mktemp -d) || exit 2
    trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/tree"

# The files of the tree as they are now; what changes is built again.
mutants_copy() {
    rsync -rlpL --checksum --delete --exclude '/build*' --exclude .git "$source/" "$work/tree/"
}

mutants_build() {
    [ -f "$work/build/build.ninja" ] ||
        cmake -G Ninja -B "$work/build" -S "$work/tree" >"$work/log" 2>&1 ||
        return 1
    ninja -C "$work/build" sim test_races >"$work/log" 2>&1
}

# mutants_apply FILE: take the check out
mutants_apply() {
    grep -v '^#' "$1" >"$work/lines"
    while IFS="$(printf '\t')" read -r file expression; do
        cp "$work/tree/$file" "$work/before"
        sed -i -E "$expression" "$work/tree/$file" || return 1
        if cmp -s "$work/before" "$work/tree/$file"; then
            echo "$file: nothing to change: $expression"
            return 1
        fi
    done <"$work/lines"
}

# mutants_sim OPTION...: prints what is found, or nothing
mutants_sim() {
    timeout $((seconds * 2)) "$work/build/tests/sim/sim" --seed "$seed" \
        --histories "$histories" --seconds "$seconds" --verbose "$@" \
        >"$work/out" 2>&1
    case $? in
    0) ;;
    1) sed -n 's/^\([0-9]*\) histories.*/in history \1/p' "$work/out" ;;
    *) echo 'the program dies' ;;
    esac
}

# mutants_races: likewise
mutants_races() {
    CMOCKA_TEST_ABORT=1 timeout 900 "$work/build/tests/sim/test_races" \
        >"$work/races" 2>&1 && return
    sed -n 's/^\[ *RUN *\] test_races__//p' "$work/races" | tail -n 1
}

# mutants_try FILE: prints one line; false: it was not found
mutants_try() {
    name=$(basename "$1" .mutant)
    mutants_copy
    if ! mutants_apply "$1" || ! mutants_build; then
        printf '%-20s cannot be built (%s)\n' "$name" "$work/log"
        return 1
    fi
    found=$(mutants_sim --safety)
    why=$(grep '^seed' "$work/out" | head -n 1 | cut -c 1-90)
    [ -n "$found" ] && [ -z "$all" ] || races=$(mutants_races)
    [ -z "${races:-}" ] || found="${found:+$found; }race: $races"
    if [ -z "$found" ]; then
        found=$(mutants_sim)
        [ -z "$found" ] || found="$found: nothing is lost, but something is left"
    fi
    printf '%-20s %s  %s\n' "$name" "${found:-NOT FOUND}" "$why"
    races=
    [ -n "$found" ]
}

rc=0
if [ $# -eq 0 ]; then
    for m in "$here"/mutants/*.mutant; do
        mutants_try "$m" || rc=1
    done
else
    for name; do
        mutants_try "$here/mutants/$name.mutant" || rc=1
    done
fi
exit $rc
