#!/bin/sh
# Check the protocol of docs/concurrency.md with spin.
#
#   run.sh            verify, witnesses, mutants: under three minutes of one core
#   run.sh --deep     verify larger worlds: by hand, up to 16 GB and 2 h each
#   run.sh -k DIR     keep generated verifiers and trails in DIR
#
# A verification must end with the whole state space searched and no error.
# A mutant is the model with one check of the protocol taken out; a witness
# claims that something good never happens: each must end in a violated
# assertion, or the run fails.
# Exit: 0 all as expected, 1 something was not, 77 spin or compiler missing.
set -u

here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
deep=no
keep=
mem_mb=4000
time_s=300
passed=0
failed=0

while [ $# -gt 0 ]; do
    case $1 in
    --deep) deep=yes mem_mb=16000 time_s=7200 ;;
    -k) [ $# -gt 1 ] || { echo "run.sh: -k needs a directory" >&2; exit 1; }
        keep=$2
        shift ;;
    *)  sed -n '2,6p' "$0" >&2
        exit 1 ;;
    esac
    shift
done
for tool in spin "$cc" timeout; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "run.sh: $tool is missing; nothing was checked" >&2
        exit 77
    fi
done
if [ -n "$keep" ]; then
    mkdir -p "$keep" || exit 1
    work=$(cd "$keep" && pwd)
else
    work=$(mktemp -d) || exit 1
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM HUP
fi

# search OPTIMISE MODEL DEFINES...: build the verifier in $dir and run it;
# $dir/out is its report. A first violated assertion ends the search.
search() {
    optimise=$1
    model=$2
    shift 2
    rm -rf "$dir"
    mkdir -p "$dir"
    (
        cd "$dir" || exit 1
        spin -a "$@" "$here/$model.pml" &&
            "$cc" "$optimise" -w -DSAFETY -DCOLLAPSE -DMEMLIM="$mem_mb" -o pan pan.c &&
            timeout "$time_s" ./pan -m100000 -w22
    ) >"$dir/out" 2>&1
}

pass() {
    passed=$((passed + 1))
    printf 'ok   %s\n' "$1"
}

fail() {
    failed=$((failed + 1))
    printf 'FAIL %s\n' "$1"
    tail -n 15 "$dir/out" | sed 's/^/     | /'
}

# Whole state space, nothing cut short, no error of any kind.
searched_all() {
    grep -q ', errors: 0$' "$dir/out" &&
        ! grep -Eq 'Search not completed|max search depth too small|out of memory' "$dir/out"
}

# verify NAME MODEL DEFINES...
verify() {
    name=$1
    shift
    dir=$work/verify-$name
    start=$(date +%s)
    search -O1 "$@"
    took=$(($(date +%s) - start))
    states=$(awk '/states, stored/ { print $1; exit }' "$dir/out")
    mem=$(awk '/total actual memory/ { print int($1); exit }' "$dir/out")
    if searched_all; then
        pass "verify   $name: $states states, $mem MB, $took s"
    else
        fail "verify   $name"
    fi
}

# violated KIND NAME MODEL DEFINES...: an assertion must be violated.
violated() {
    kind=$1
    name=$2
    shift 2
    dir=$work/$kind-$name
    search -O0 "$@"             # found in no time: building it costs more
    if grep -q '^pan:1: assertion violated' "$dir/out"; then
        what=$(sed -n 's/^pan:1: assertion violated \(.*\) (at depth.*/\1/p' \
            "$dir/out" | tr -d ' ' | head -n 1)
        [ "$kind" = mutant ] && what=$(property "$what") || what=reached
        pass "$(printf '%-8s %-22s %s' "$kind" "$name" "$what")"
    elif searched_all; then
        fail "$kind $name: survived"
    else
        fail "$kind $name: no verdict"
    fi
    rm -f "$dir/pan" "$dir"/pan.?
}

# The property that an assertion of the models states.
property() {
    case $1 in
    *OPEN_NOW* | *.ended*) echo "a writer at work keeps what it stored" ;;
    *reading*listed*)      echo "I3: nothing reachable is lost" ;;
    *packs*f_listed*)      echo "I3: nothing reachable is lost" ;;
    *f_forg*f_doomed*)     echo "I3: nothing reachable is lost" ;;
    *deleted* | *gone*)    echo "I4: doomed before deleted" ;;
    *hit*)                 echo "no commit on what is doomed" ;;
    *committed*f_forg*)    echo "the last snapshot stays" ;;
    *told*)                echo "what was told done stays" ;;
    *snaps*)               echo "a commit record has its snapshot" ;;
    *rec*kind*)            echo "the log has no hole" ;;
    *fence*)               echo "only a fence ends a writer" ;;
    *committed*)           echo "told done, so committed" ;;
    *relied*)              echo "what was counted on counts" ;;
    *late*)                echo "nothing new of the removed member counts" ;;
    *taken==c_*)           echo "readers agree" ;;
    *st0_*)                echo "a full key stays" ;;
    *removed*)             echo "reported as removed, so removed" ;;
    *taken*)               echo "an unknown member says nothing" ;;
    *)                     echo "$1" ;;
    esac
}

mutant() {
    check=$1
    shift
    violated mutant "$check" "$@" "-D$check"
}

witness() {
    name=$1
    number=$2
    shift 2
    violated witness "$name" "$@" "-DWITNESS=$number"
}

# ---- worlds ------------------------------------------------------------------
one='-DNW=1 -DNC=1 -DNU=1'
restart="$one -DSTARTS=2 -DROUNDS=2 -DLOST=true -DLATE=true -DMISS=true"
late='-DNW=2 -DNC=1 -DNU=1 -DROUNDS=2 -DOPS=1 -DRENEWS=0 -DLATE=true -DMISS=true'
pins='-DNW=0 -DNC=1 -DNU=1 -DNR=1 -DOPS=3 -DSPLIT'
moves="$pins -DMOVES=2"
guard='-DNW=1 -DNC=1 -DNU=2 -DFORCE=false'
copies='-DNW=1 -DNC=2 -DNU=1 -DCOPIES=2 -DOPS=1'
condemned='-DNW=1 -DNC=2 -DUSER=1 -DSTART=1'
nobody='-DNR=0 -DNT=0'
thief='-DNT=1'
added='-DADDED=1 -DNT=1'
hits='-DNR=0 -DNV=1'
records='-DNR=0 -DND=1'
removers='-DNR=0 -DNA=2 -DCRASHES=1 -DNT=1'
forged='-DJUNK=1 -DNT=1 -DCATCHUPS=1'
rivals='-DNR=0 -DNT=0 -DRIVALS=1 -DJUNK=1'
folding='-DOPS=1 -DLATE=true'
folding_twice='-DFOLDS=2 -DOPS=0 -DLOGMAX=5 -DFORGOTTEN'

# shellcheck disable=SC2086  # a world is a list of words
verify_all() {
    verify two-writers collection -DNW=2 -DNC=1 -DNU=1
    verify two-and-two collection -DNW=2 -DNC=2 -DNU=1 -DOPS=1 -DRENEWS=0
    verify split-reads collection -DNW=1 -DNC=2 -DNU=1 -DSPLIT
    verify restart     collection $restart
    verify late-puts   collection $late
    verify copies      collection $copies
    verify users       collection $one -DOPS=4 -DLOGMAX=7
    verify guard       collection $guard
    verify pins        collection $pins
    verify pins-move   collection $moves
    verify pins-writer collection $one -DNR=1
    verify power-writers    durability -DNW=2 -DNC=1
    verify power-collectors durability -DNW=1 -DNC=2 -DRENEWS=1
    verify power-rescue     durability $condemned
    verify base             base $folding
    verify base-twice       base $folding_twice
    verify members          members -DNT=2 -DCATCHUPS=1
    verify members-again    members $thief
    verify members-two-runs members -DNH=2 -DNT=1 -DNR=0
    verify members-hits     members $hits -DNT=2
    verify members-records  members $records -DNT=2
    verify members-removers members $removers
    verify members-added    members $added
    verify members-forged   members $forged
    verify members-rivals   members $rivals -DND=1
    verify members-power    members $thief -DPOWER=1 -DCATCHUPS=1
    verify members-power-hits members $hits -DNT=1 -DPOWER=1
}

# shellcheck disable=SC2086
witness_all() {
    witness commit      1 collection $one
    witness space-back  2 collection $one
    witness pin         3 collection $pins
    witness pin-moved   9 collection $moves
    witness fenced      4 collection $one
    witness rescue      5 collection $one
    witness re-stored   6 collection $one -DMISS=true
    witness new-start   7 collection $restart
    witness unforget    8 collection $one
    witness told-after-cut    1 durability -DNW=1 -DNC=1
    witness deleted-after-cut 2 durability -DNW=1 -DNC=1
    witness commit-and-base   1 base $folding
    witness delete-and-base   2 base $folding
    witness void-record       3 base $folding
    witness folded            4 base $folding
    witness thief-too-late    1 members $thief
    witness removed           2 members $nobody
    witness second-remover    3 members $removers
    witness hit-on-a-member   4 members $hits
    witness hit-in-a-cut      5 members $hits
    witness record-on-a-member 6 members $records
    witness cache-made-anew   7 members $thief
    witness not-known-yet     8 members $added
}

# shellcheck disable=SC2086
mutant_all() {
    mutant NO_W1_REREAD       collection $one
    mutant NO_W2_LIVE         collection $one
    mutant NO_W2_LISTED       collection $late
    mutant NO_W3_FENCE        collection $one
    mutant NO_READ_BACK       collection $restart
    mutant NO_RESTART_RECHECK collection $restart
    mutant NO_W4_RESTORE      collection $one
    mutant NO_W4_OWN          collection $restart
    mutant NO_W4_TAKEOVER     collection $one
    mutant NO_W5_RECORD       collection $one
    mutant NO_C1_OPEN         collection $one -DMISS=true
    mutant NO_C2_TIP          collection $copies
    mutant NO_C3_READ         collection $one
    mutant NO_C3_FENCE        collection $one
    mutant NO_C3_DEFER        collection $one
    mutant NO_C3_AGAIN        collection $one
    mutant NO_C4_TIP          collection $one
    mutant NO_C4_COMMITS      collection $one
    mutant NO_C4_ORDER        collection $pins
    mutant NO_C4_RESCUE       collection $one
    mutant NO_C5_TIP          collection $one
    mutant NO_C6_DOOMED       collection $one
    mutant NO_DOOM_FINAL      collection $late
    mutant NO_FORGET_TIP      collection $guard
    mutant NO_UNFORGET_CHECK  collection $one
    mutant NO_UNFORGET_TIP    collection $one
    mutant NO_I6_UNFORGOTTEN  collection $one
    mutant NO_I6_MARKED       collection $one -DOPS=3
    mutant NO_P2_REREAD       collection $pins
    mutant NO_PINS_AGAIN      collection $moves
    mutant NO_PINS_RECORDS    collection $moves
    mutant NO_W1_DURABLE          durability -DNW=1 -DNC=2
    mutant NO_W3_PACK_DURABLE     durability -DNW=1 -DNC=1
    mutant NO_W3_SEGMENT_DURABLE  durability -DNW=1 -DNC=1
    mutant NO_W5_OBJECT_DURABLE   durability -DNW=1 -DNC=1
    mutant NO_SETTLE_GENERATION   durability -DNW=1 -DNC=2
    mutant NO_SETTLE_STATE        durability $condemned
    mutant NO_SETTLE_HITS         durability -DNW=2 -DNC=1
    mutant NO_SETTLE_TIP          durability -DNW=1 -DNC=2
    mutant NO_SETTLE_FENCE        durability -DNW=1 -DNC=2
    mutant NO_SETTLE_BELOW_FENCE  durability -DNW=1 -DNC=2
    mutant NO_SETTLE_LOCATION     durability -DNW=2 -DNC=1
    mutant NO_SETTLE_DOOM         durability -DNW=1 -DNC=2
    mutant NO_BASE_ALIVE      base $folding
    mutant NO_BASE_SAME       base $folding_twice -DNC=2
    mutant NO_VOID_BELOW_BASE base -DOPS=2
    mutant NO_DELETE_UPWARDS  base $folding
    mutant NO_FENCE_KEPT      base $folding
    mutant NO_FOLDED_NAMED    base $folding
    mutant NO_M1_SAYS         members $added
    mutant NO_M1_MARK         members $added
    mutant NO_M3_LEAVING      members $nobody
    mutant NO_M3_AFTER        members $nobody
    mutant NO_M3_REREAD       members $records -DNT=0
    mutant NO_SETTLE_CUT      members -DNH=0 -DNT=2 -DCATCHUPS=1 -DPOWER=1
    mutant NO_SETTLE_COUNTED  members $nobody -DPOWER=1 -DNV=1
    mutant NO_R1              members $rivals
    mutant NO_SIGNER          members $forged
    mutant NO_CUT             members $thief
    mutant NO_CUT_EXACT       members $thief
    mutant NO_W5_LOOK         members $nobody
    mutant NO_W2_LOOK         members $hits -DNT=0
    mutant NO_M4              members $thief
    mutant FENCED             members $thief -DNR=0
}

# shellcheck disable=SC2086
deep_all() {
    verify deep-two-writers collection -DNW=2 -DNC=1 -DNU=1 -DROUNDS=2 \
        -DLOST=true -DLATE=true -DMISS=true
    verify deep-two-and-two collection -DNW=2 -DNC=2 -DNU=1
    verify deep-copies      collection -DNW=1 -DNC=2 -DNU=1 -DCOPIES=2 -DSPLIT
    verify deep-power       durability -DNW=2 -DNC=2
    verify deep-base        base -DFOLDS=2 -DOPS=1 -DLOGMAX=5
    verify deep-base-two    base $folding_twice -DNC=2
    verify deep-members     members -DNT=2
    verify deep-members-two members $removers -DND=1
    verify deep-members-power members -DNT=2 -DCATCHUPS=1 -DPOWER=1
}

if [ "$deep" = yes ]; then
    deep_all
else
    verify_all
    witness_all
    mutant_all
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
