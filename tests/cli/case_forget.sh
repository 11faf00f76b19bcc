# shellcheck shell=sh
# What rules, names and guards make of snapshots, and the way back.
command -v jq >/dev/null || skip "no jq"
mkdir src
echo a >src/a
new_repo repo

# put SERIES DAY [ARG...]: a snapshot of that day in November, at noon if no
# time follows it; its id in $id
put() {
    put_series=$1
    put_time=2026-11-$2
    shift 2
    case $put_time in *T*) ;; *) put_time=${put_time}T12:00 ;; esac
    expect 0 dedup snapshot -s "$put_series" --time "$put_time" --print-id "$@" src
    id=$(cat "$OUT")
}
# takes WANT ARG...: what forget would take, as "SERIES-DAY"
takes() {
    takes_want=$1
    shift
    expect 0 dedup forget --dry-run --json "$@"
    jq -r 'select(.type == "retention" and (.keep | not)) |
        .series + "-" + .begin[8:10]' "$OUT" | sort >got
    takes_got=$(tr '\n' ' ' <got)
    [ "$takes_got" = "${takes_want:+$takes_want }" ] ||
        run_fail "forget $*: takes '$takes_got', not '$takes_want'"
}
# is_there WANT: all that there is, in the same form
is_there() {
    expect 0 dedup snapshots --json
    jq -r '.series + "-" + .begin[8:10]' "$OUT" | sort >got
    is_there_got=$(tr '\n' ' ' <got)
    [ "$is_there_got" = "${1:+$1 }" ] || run_fail "there is '$is_there_got', not '$1'"
}

for day in 01 02 03 04 05 08 09 10; do
    put s $day
done
put s 10T18:00 --tag prod --tag db
newest=$id
put o 05 --host web1 --tag prod
five=$id
put o 06 --host web1
all='o-05 o-06 s-01 s-02 s-03 s-04 s-05 s-08 s-09 s-10 s-10'
is_there "$all"

# Rules, each alone and together. November begins with a Sunday.
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-09' --keep-last 2
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-10' --keep-daily 2
takes 's-02 s-03 s-04 s-05 s-09 s-10' --keep-weekly 3
takes 's-02 s-03 s-04 s-05 s-09 s-10' --keep-weekly 2 --keep-monthly 2
takes 's-02 s-03 s-04 s-05 s-08 s-09 s-10' --keep-quarterly 2
takes 'o-05 s-01 s-02 s-03 s-04 s-05 s-08 s-09 s-10' --keep-yearly 1
takes 's-01 s-02 s-03 s-04 s-05 s-08' --keep-within 2d
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-10' --keep-daily 2d
takes '' --keep-last all
takes '' --keep-hourly 24
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-09' --keep-last all --max-count 2
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-09' --max-count 2
age=$(($(date +%s) - $(date -d 2026-11-05T06:00Z +%s)))s
takes 's-01 s-02 s-03 s-04' --keep-last all --max-age $age
takes 's-01 s-02 s-03 s-04' --max-age $age
# The day is that of the local zone: in the evening of the tenth it is the
# eleventh elsewhere.
export TZ=Etc/GMT-8
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-09' --keep-daily 2
export TZ=UTC

# What one sees of it.
expect 0 dedup forget --dry-run -s s --keep-daily 2 --keep-weekly 1
out_like 'id * time * series * why
???????? * 2026-11-10 18:00:00 * s * keep * daily 1, weekly 1
???????? * 2026-11-10 12:00:00 * s * forget*
???????? * 2026-11-09 12:00:00 * s * keep * daily 2
*'
err_is
expect 0 dedup forget --dry-run -s s --keep-yearly 2 -v
out_has '* 2026-11-01 12:00:00 * keep * oldest'
err_is 'dedup: forget: 7 snapshots would go, 4 stay'
expect 0 dedup forget --dry-run -s s --keep-daily 2 --keep-weekly 1 --json
out_has '{"v":1,"type":"retention","id":"'"$newest"'","keep":true,"damaged":false,"series":"s","begin":"2026-11-10T18:00:00.000000000Z","complete":true,"rules":{"daily":1,"weekly":1},"reasons":[]}'
out_has '{"v":1,"type":"forget","done":false,"kept":4,"removed":7,"checkpoints_removed":0}'
expect 0 dedup forget --dry-run -s s --max-count 1 --json
out_has '{"v":1,"type":"retention",*"rules":{},"reasons":\["too many"\]}'

# Tags and ids that stay.
s='s-01 s-02 s-03 s-04 s-05 s-08 s-09 s-10'
takes "o-06 $s" --keep-tag prod
takes "o-05 $s" --keep-last 1 --keep-tag prod,db
takes "$s" --keep-last 1 --keep-tag prod,db --keep-tag prod
takes "$s" --keep-last 1 --keep-id "$five"
takes "s-01 s-02 s-03 s-04 s-05 s-08 s-09" --keep-last 1 --keep-id "$five" --keep-id s~1
expect 0 dedup forget --dry-run --keep-last 1 --keep-id "$five"
out_has '* 2026-11-05 12:00:00 * o * keep * named'
expect 10 dedup forget --keep-last 1 --keep-tag prod --keep-tag none
err_is 'dedup: forget: --keep-tag none: no snapshot has that tag; nothing was forgotten'
expect 10 dedup forget --keep-last 1 --keep-tag prod,none
err_has 'dedup: forget: --keep-tag prod*; nothing was forgotten'
expect 10 dedup forget --keep-tag db
err_has "dedup: forget: *series 'o'*"
expect 1 dedup forget --keep-last 1 --keep-id 0123456789
err_has "dedup: forget: --keep-id: *0123456789*"

# What is counted together, and what is looked at at all.
takes "s-01 s-02 s-03 s-04 s-05 s-08 s-09" --group-by none -s s --keep-last 2
takes "o-05 $s" --group-by host --keep-last 1
takes 'o-06 s-01 s-02 s-03 s-04 s-05 s-08 s-09' --group-by tags --keep-last 1
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-09' --group-by series,tags,paths --keep-last 1
expect 10 dedup forget --group-by paths --keep-last 1 # o would be left without
takes 'o-05' --host web1 --keep-last 1
takes 'o-05' -s o --keep-last 1
takes '' --tag db --tag prod --keep-last 1
takes '' --host nobody --keep-last 1

# Guards. A plan is shown before it is refused.
expect 10 dedup forget
err_is 'dedup: forget: no rule says what to keep: give one, such as --keep-daily 7'
expect 10 dedup forget --group-by host --max-remove 5
for most in 6 63%; do
    expect 10 dedup forget --keep-last 2 --max-remove $most
    err_is 'dedup: forget: 7 snapshots would go, and more than 6 are not to (--max-remove)'
    out_is
    expect 10 dedup forget --keep-last 2 --max-remove $most --dry-run
    out_has '* 2026-11-01 * forget*'
done
for most in 0 0%; do
    expect 10 dedup forget --keep-last 2 --max-remove $most
    takes '' --keep-last 9 --max-remove $most
done
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-09' --keep-last 2 --max-remove 7
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-09' --keep-last 2 --max-remove 64%
takes 's-01 s-02 s-03 s-04 s-05 s-08 s-09' --keep-last 2 --max-remove 6 --force
# The last complete one of a series stays, whoever asks.
for force in "" --force; do
    # shellcheck disable=SC2086 # a word or none
    expect 10 dedup forget $force --max-age 1d
    err_has "dedup: forget: series 'o' would be left without a complete snapshot: ???????? is its last, and stays"
    # shellcheck disable=SC2086
    expect 10 dedup forget $force o o~1
    # shellcheck disable=SC2086
    expect 10 dedup forget $force --keep-id "$newest" --keep-tag db
done
is_there "$all"

# It is done: without a word where nobody looks on, and once.
expect 0 dedup forget --keep-last 2 --max-remove 7
out_is
err_is
is_there 'o-05 o-06 s-10 s-10'
expect 0 dedup forget --keep-last 2 --max-remove 0 --json
out_has '{"v":1,"type":"forget","done":true,"kept":4,"removed":0,"checkpoints_removed":0}'
expect 0 dedup forget --keep-last 2 -v
out_has '* 2026-11-10 18:00:00 * keep * last 1'
err_is 'dedup: forget: 0 snapshots forgotten, 4 stay'
expect 0 dedup forget s~1 -v
out_like 'id *
???????? * 2026-11-10 12:00:00 * s * forget*'
err_is 'dedup: forget: 1 snapshot forgotten, 3 stay'
is_there 'o-05 o-06 s-10'
expect 1 dedup restore s~1 --target out

# The way back.
expect 0 dedup unforget
out_has 'id * time * series * size'
out_has '???????? * 2026-11-04 12:00:00 * s *'
[ "$(wc -l <"$OUT")" = 9 ] || run_fail "unforget lists them"
expect 0 dedup unforget --json
fourth=$(jq -r 'select(.begin[8:10] == "04") | .id' "$OUT")
third=$(jq -r 'select(.begin[8:10] == "03") | .id' "$OUT")
out_has '{"v":1,"type":"forgotten","id":"'"$fourth"'","series":"s","begin":"2026-11-04T12:00:00.000000000Z"}'
expect 0 dedup unforget "$fourth"
out_is
err_is
is_there 'o-05 o-06 s-04 s-10'
expect 0 dedup restore "$fourth:$PWD/src" --target out
same src out
for gone in "$fourth" 0123456789; do
    expect 1 dedup unforget "$gone"
    err_is "dedup: unforget: '$gone': no forgotten snapshot; 'dedup unforget' lists them"
done
# All or none.
expect 1 dedup unforget "$third" 0123456789
is_there 'o-05 o-06 s-04 s-10'
expect 0 dedup unforget "$third" "$third" --json
out_is '{"v":1,"type":"unforgotten","id":"'"$third"'","changed":true}'
is_there 'o-05 o-06 s-03 s-04 s-10'
expect 0 dedup forget "$third" "$third" "$fourth" -v
err_is 'dedup: forget: 2 snapshots forgotten, 3 stay'
expect 0 dedup check --read-data

# What is protected.
expect 0 dedup unforget "$third" -v
err_is 'dedup: unforget: 1 snapshot brought back'
expect 0 dedup protect "$third"
expect 0 dedup forget --keep-last 1 -s s --dry-run
out_has '* 2026-11-03 * keep * protected'
for force in "" --force; do
    # shellcheck disable=SC2086 # a word or none
    expect 10 dedup forget $force "$third"
    err_has "dedup: forget: snapshot ???????? is protected ('dedup protect --off' ends that)"
done
expect 10 dedup forget --drop-series s --force
expect 0 dedup protect --off "$third"
expect 0 dedup forget "$third"

# A series as a whole; a rule cannot do that.
expect 1 dedup forget --drop-series none
err_is "dedup: forget: there is no snapshot of series 'none'"
expect 10 dedup forget --drop-series o --max-remove 1
expect 0 dedup forget --drop-series o --dry-run
is_there 'o-05 o-06 s-10'
expect 0 dedup forget --drop-series o -v
out_has '* o * forget*'
err_is 'dedup: forget: 2 snapshots forgotten, 1 stays'
is_there 's-10'
expect 0 dedup unforget "$five"
is_there 'o-05 s-10'

# Wrong usage.
for args in "$five --keep-last 1" "$five -s o" "$five --host web1" "$five --keep-id $five" \
    "$five --group-by host" "--drop-series o $five" "--drop-series o --keep-last 1" \
    "--drop-series o --host web1" "--drop-series o --keep-id $newest" "--drop-series o --group-by none" \
    "--drop-series a/../b:/" "--keep-last x" "--keep-last -1" "--keep-daily 7x" "--keep-within 30" "--keep-within 0d" \
    "--keep-within all" "--max-age 1" "--max-count 0" "--max-count all" "--keep-tag a,,b" "--keep-tag ," \
    "--keep-last 1 --group-by serie" "--keep-last 1 --group-by series,,host" "--keep-last 1 --group-by none,host" \
    "--keep-last 1 --max-remove x" "--keep-last 1 --max-remove %" "--keep-last 1 --max-remove 101%" \
    "--keep-last 1 --max-remove -1" "--keep-last 1 -s $PWD/ü:/" "nothing-such" "$five:/src" \
    "--job x" "--all-jobs" "--max-age 1s1d"; do
    # shellcheck disable=SC2086 # a list of words
    expect 1 dedup forget $args
done
expect 1 dedup forget --keep-tag "a b"
expect 1 dedup forget --keep-last ""
expect 1 dedup unforget "$five:/src"
is_there 'o-05 s-10'

# Who may: full and maintain.
for role in read write maintain; do
    head -c 32 /dev/urandom >$role.key
    expect 0 dedup key add --role $role --label $role --new-key-file $role.key
done
for role in read write; do
    expect 5 dedup --key-file $role.key forget --keep-last 1
    expect 5 dedup --key-file $role.key forget --keep-last 1 --dry-run
    expect 5 dedup --key-file $role.key unforget
    expect 5 dedup --key-file $role.key unforget "$fourth"
done
expect 0 dedup --key-file maintain.key unforget "$fourth"
is_there 'o-05 s-04 s-10'
expect 0 dedup --key-file maintain.key forget --keep-last 1
is_there 'o-05 s-10'
# What a write key makes under trust 'own' pushes nothing out that others made.
expect 0 dedup --key-file write.key snapshot -s s --time 2026-11-11T12:00 src
expect 0 dedup --key-file write.key snapshot -s s --time 2026-11-12T12:00 src
takes 's-11' --keep-last 1
expect 10 dedup forget s s~1
expect 0 dedup forget --keep-last 1
is_there 'o-05 s-10 s-12'

# What cannot be read stays, unless it is named.
put s 13
lost=$id
put s 14
rm "repo/snapshots/$lost"
DEDUP_CACHE_DIR=$PWD/fresh

dedup snapshots >"$OUT" 2>"$ERR"
expect 0 dedup forget --keep-last 2 -v
out_has "$(printf %.8s "$lost") * keep  damaged"
expect 8 dedup forget s # it may be what is meant
expect 10 dedup forget "$id"
err_has "dedup: forget: *, the newest of series 's', cannot go while a snapshot is damaged: *"
expect 0 dedup forget "$lost" -v
err_is 'dedup: forget: 1 snapshot forgotten, 4 stay'
expect 0 dedup snapshots
expect 0 dedup check --read-data

# Jobs, and the rules that they have.
put web 01
put web 02
put web 03
put db 01
put db 02
mkdir of
cat >c.yaml <<END
repo: $PWD/repo
key-file: $DEDUP_KEY_FILE
cache-dir: $DEDUP_CACHE_DIR
defaults:
  tag: nightly # of new ones, not of those that rules look at
  host: elsewhere
jobs:
  - name: web
    series: web
    paths: [ $PWD/src ]
    retention: { keep-last: 2, max-count: 5 }
  - name: db
    series: db
    paths: [ $PWD/src ]
END
left=$(dedup snapshots --json | jq -r '.series + "-" + .begin[8:10]' | grep -v '^web\|^db' | sort | tr '\n' ' ')
left=${left% }
configured() {
    env -u DEDUP_REPO -u DEDUP_KEY_FILE -u DEDUP_CACHE_DIR "$DEDUP" --config "$PWD/c.yaml" "$@"
}
expect 10 configured forget --job db
err_is 'dedup: forget: no rule says what to keep: give one, such as --keep-daily 7'
expect 1 configured forget --job wbe
err_has "*there is no job 'wbe'; did you mean 'web'?*"
for args in "web" "--host x" "--tag nightly" "--drop-series web"; do
    for job in "--job web" --all-jobs; do
        # shellcheck disable=SC2086 # lists of words
        expect 1 configured forget $job $args
    done
done
expect 1 configured forget --all-jobs --series web
expect 1 configured forget --all-jobs --job web
expect 0 configured forget --all-jobs --dry-run
out_has '* 2026-11-01 * web * forget*'
run_like out '*2026-11-03 * web * keep * last 1*'
! grep -q ' db ' "$OUT" || run_fail "a job without rules is passed over"
# The command line's rules count instead of the job's.
expect 0 configured forget --job web --keep-last 1 --dry-run --json
out_has '{"v":1,"type":"forget",*"removed":2,*'
expect 0 configured forget --job web --simulate 30
out_like 'date * last*'
expect 10 configured forget --job db --simulate 30
expect 1 configured forget --all-jobs --simulate 30
expect 10 configured forget --all-jobs --max-remove 0
err_has 'dedup: forget web: 1 snapshot would go, *'
expect 0 configured forget --all-jobs
out_is
err_is
is_there "db-01 db-02 $left web-02 web-03"
expect 0 configured forget --job web -v
err_has 'dedup: forget: 0 snapshots forgotten, *'
expect 0 configured forget --all-jobs --keep-last 1
is_there "db-02 $left web-03"
# What is no job's rule stands in no configuration.
sed -i 's/max-count: 5/max-cuont: 5/' c.yaml
expect 1 configured forget --all-jobs
err_has "*c.yaml:*: unknown key 'max-cuont' in retention; did you mean 'max-count'?"

# Days to come: a series that goes on, at noon of each day up to now.
simulated() {
    expect 0 dedup forget --json --simulate "$@"
}
# of JQ: of the last row
of() {
    jq -s -r ".[-1] | $1" "$OUT"
}
new_repo days
for ago in 3 2 1; do
    expect 0 dedup snapshot -s n -q --tag nightly --time "$(date -d "-$ago days" +%Y-%m-%dT%H:%M:%S)" src
done
expect 0 dedup forget --keep-daily 7 --keep-weekly 4 --simulate 100
out_like 'date  *kept  gone  oldest  *daily  weekly
20* 3 *'
[ "$(wc -l <"$OUT")" = 22 ] || run_fail "a row each five days"
err_is
simulated 100 --keep-daily 7 --keep-weekly 4
case $(of .kept) in 9 | 10 | 11) ;; *) run_fail "of a hundred days ten are kept" ;; esac
[ "$(of .rules.daily) $(of .rules.weekly) $(of .refused)" = "7 4 false" ] || run_fail "what each rule keeps"
jq -s -e '([.[].gone] | add) + .[-1].kept == 103' "$OUT" >/dev/null || run_fail "each one is kept or gone"
for days in 1 24 25 3650; do
    simulated $days --keep-last 2
    [ "$(wc -l <"$OUT")" -le 26 ] || run_fail "so many rows"
    jq -s -e '.[-1].time > .[0].time' "$OUT" >/dev/null || run_fail "from today on"
done
simulated 10 --keep-tag nightly --keep-id n
# each new day has the tag; how many days there are hangs on the second
[ "$(tail -n 1 "$OUT" | jq ".rules.tag >= 2")" = true ] || run_fail "none has the tag"
simulated 10 --max-age 1h --keep-id n --keep-last all
[ "$(of .kept)" -le 2 ] || run_fail "the named one, and one that has just come"
expect 10 dedup forget --simulate 10
expect 10 dedup forget --simulate 10 --keep-tag none
expect 10 dedup forget --simulate 10 --max-age 1h
for days in 0 3651 x -1 7d; do
    expect 1 dedup forget --keep-last 1 --simulate $days
done
for args in n "--drop-series n" "--keep-last 1 --max-remove 1" "--keep-last 1 --force" --all-jobs; do
    # shellcheck disable=SC2086 # a list of words
    expect 1 dedup forget --simulate 10 $args
done
expect 0 dedup snapshots --json
[ "$(wc -l <"$OUT")" = 3 ] || run_fail "nothing is forgotten"
# A group that will be emptied, on a day to come.
expect 0 dedup snapshot -s ended --time "$(date -d '-100 days' +%Y-%m-%dT%H:%M:%S)" src
expect 0 dedup forget --max-age 110d --simulate 24
err_like 'dedup: forget: warning: by 20??-??-?? a forget would be refused: *'
simulated 24 --max-age 110d
[ "$(of .refused)" = true ] || run_fail "it would be refused"
# 28 or 27: whether a day has its snapshot yet hangs on the second
[ "$(of .kept)" -ge 27 ] || run_fail "nothing goes then"
[ "$(jq -s 'map(.gone) | add' "$OUT")" = 0 ] || run_fail "nothing goes then"

# A checkpoint stays as long as a run can go on from it; then it goes with the
# others of its series.
env --default-signal=INT true 2>/dev/null || skip "env knows no --default-signal"
for i in $(seq 1 20); do
    head -c 3000 /dev/urandom >"src/$i"
done
seq 1000000 2500000 >src/huge # level 19 gives it enough to do
sleep 0.1 # what changed just now is not taken for unchanged
new_repo second --compression 19
# Its huge file is open, and what came before it has ended.
# shellcheck disable=SC2317 # meanwhile calls them
reads_huge() {
    find "/proc/$pid/fd" -lname '*/src/huge' 2>/dev/null | grep -q .
}
# shellcheck disable=SC2317
has_ended() {
    kill -USR1 "$pid"
    grep -qE ' 21(/[0-9]+)? files ' "$ERR"
}
# interrupted: a run that leaves a checkpoint, its id in $checkpoint
interrupted() {
    run_line="a run that is interrupted"
    env --default-signal=INT "$DEDUP" snapshot -s c src >"$OUT" 2>"$ERR" &
    pid=$!
    meanwhile $pid reads_huge
    meanwhile $pid has_ended
    kill -s INT $pid
    wait $pid
    code=$?
    [ $code = 130 ] || run_fail "$run_line: exit $code"
    err_has '*kept as checkpoint *'
    expect 0 dedup snapshots --all
    checkpoint=$(sed -n '2s/ .*//p' "$OUT")
}
interrupted
expect 0 dedup forget --keep-last 1
expect 0 dedup forget --max-age 1s --dry-run
out_has "$checkpoint * c * keep * unfinished"
expect 0 dedup forget "$checkpoint" --json
out_has '{"v":1,"type":"forget","done":true,"kept":0,"removed":0,"checkpoints_removed":1}'
expect 0 dedup snapshots --all
out_is
interrupted
expect 0 dedup snapshot -s c --print-id src
whole=$(cat "$OUT")
expect 10 dedup forget "$whole"
expect 0 dedup snapshot -s c src
expect 0 dedup forget --keep-last 1 --dry-run
! grep -q "$checkpoint" "$OUT" || run_fail "who cares for what is superseded?"
expect 0 dedup forget --keep-last 1 --json
out_has '{"v":1,"type":"forget","done":true,"kept":1,"removed":1,"checkpoints_removed":1}'
expect 0 dedup snapshots --all
[ "$(wc -l <"$OUT")" = 2 ] || run_fail "one snapshot is left"
expect 0 dedup unforget
[ "$(wc -l <"$OUT")" = 2 ] || run_fail "one snapshot comes back, and no checkpoint"
expect 0 dedup unforget "$whole"
expect 0 dedup restore "$whole:$PWD/src" --target second-out
same src second-out
expect 0 dedup check --read-data
