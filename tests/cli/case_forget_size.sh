# shellcheck shell=sh
# forget --max-size: what goes so that the rest fits.
command -v jq >/dev/null || skip "no jq"
new_repo repo

# put SERIES DAY [ARG...]: a snapshot of common, 1 MiB, and a MiB of its own;
# nothing of both can be compressed.
mkdir src
head -c 1048576 /dev/urandom >src/common
put() {
    put_series=$1
    put_day=$2
    shift 2
    head -c 1048576 /dev/urandom >src/own
    expect 0 dedup snapshot -s "$put_series" --time "2026-11-${put_day}T12:00" --print-id "$@" src
    id=$(cat "$OUT")
}
# is_there WANT
is_there() {
    expect 0 dedup snapshots --json
    jq -r 'select(.type == "snapshot") | .series + "-" + .begin[8:10]' "$OUT" | sort >got
    is_there_got=$(tr '\n' ' ' <got)
    [ "$is_there_got" = "${1:+$1 }" ] || run_fail "there is '$is_there_got', not '$1'"
}
# goes WANT ARG...: what would go
goes() {
    goes_want=$1
    shift
    expect 0 dedup forget --dry-run --json "$@"
    jq -r 'select(.type == "retention" and (.keep | not)) | .series + "-" + .begin[8:10]' "$OUT" | sort >got
    goes_got=$(tr '\n' ' ' <got)
    [ "$goes_got" = "${goes_want:+$goes_want }" ] || run_fail "forget $*: takes '$goes_got', not '$goes_want'"
}

put a 01
put b 02
put a 03
put b 04
three=$id
put a 05 --tag kept
put a 06
all='a-01 a-03 a-05 a-06 b-02 b-04'

# Seven MiB: the common one and six; the oldest go, of whatever series.
goes '' --max-size 8M
goes 'a-01' --max-size 6500K
goes 'a-01 b-02' --max-size 5500K
goes 'a-01 a-03 b-02' --max-size 4500K
expect 0 dedup forget --dry-run --max-size 5500K -v
out_has '* 2026-11-01 12:00:00 * a * forget * too large*'
# Rules keep, and size takes from what they keep; what they do not keep goes first.
goes 'a-01 a-03 a-05 b-02' --keep-last 1 --max-size 8M
goes 'a-01 a-03 b-02' --keep-last all --max-size 4500K
goes 'a-01 a-03 b-02' --keep-last 2 --keep-tag kept --max-size 4500K
# What is named, tagged for a rule, or protected stays.
goes 'a-03 a-05 b-02' --keep-id a~3 --max-size 4500K
expect 3 dedup forget --dry-run --keep-last all --keep-tag kept --max-size 1M
err_has '*what stays takes 4.* MB, which is more than 1.0 MB (--max-size): nothing else may go*'
expect 0 dedup protect b~1
goes 'a-01 a-03' --max-size 5500K
expect 0 dedup protect --off b~1
# Only what is looked at goes, and all that is stored counts.
goes 'a-01 a-03' --series a --max-size 5500K
# A size for people, and guards.
for size in 0 -1 5X all 1.5.2M ''; do
    expect 1 dedup forget --max-size "$size"
    err_has "*--max-size*"
done
expect 10 dedup forget --max-size 5500K --max-remove 1
is_there "$all"
expect 1 dedup forget "$three" --max-size 1M

expect 0 dedup forget --max-size 5500K --prune
is_there 'a-03 a-05 a-06 b-04'
[ "$(du -sk repo | cut -f1)" -lt 7500 ] || run_fail "$(du -sk repo): it was not given back"
expect 0 dedup check --read-data
expect 0 dedup forget --max-size 5500K
is_there 'a-03 a-05 a-06 b-04'
# The last of each series stays, and it says that this is too much.
expect 3 dedup forget --max-size 1M
is_there 'a-06 b-04'

# By a job.
cat >c.yaml <<END
repo: $PWD/repo
key-file: $DEDUP_KEY_FILE
cache-dir: $DEDUP_CACHE_DIR
jobs:
  - name: a
    series: a
    paths: [ $PWD/src ]
    retention: { keep-last: all, max-size: 3500K }
END
put a 07
put a 08
expect 0 env -u DEDUP_REPO -u DEDUP_KEY_FILE -u DEDUP_CACHE_DIR "$DEDUP" --config "$PWD/c.yaml" forget --job a
is_there 'a-08 b-04'
expect 0 env -u DEDUP_REPO -u DEDUP_KEY_FILE -u DEDUP_CACHE_DIR "$DEDUP" --config "$PWD/c.yaml" forget --job a --simulate 30
err_has "*max-size is left out*"

# What lies in two packs counts in one of them.
new_repo two
mkdir text mixed
for i in $(seq 100); do
    seq $((i * 10000)) $((i * 10000 + 6000)) >"text/$i"
    cp "text/$i" "mixed/$i-text"
    head -c 60000 /dev/urandom >"mixed/$i-noise"
done
expect 0 dedup key add --role write --label host --new-key-file "$PWD/host.key"
expect 0 env DEDUP_KEY_FILE="$PWD/host.key" DEDUP_CACHE_DIR="$PWD/host.cache" "$DEDUP" snapshot -s w text
expect 0 dedup forget --dry-run --max-size 100M
expect 0 dedup snapshot -s www --time 2026-11-01T11:00 mixed
rm mixed/*
for i in 1 2 3 4; do
    head -c 100000 /dev/urandom >mixed/new
    expect 0 dedup snapshot -s www --time "2026-11-0${i}T12:00" mixed
done
expect 0 dedup forget --drop-series w
expect 0 dedup forget --dry-run --max-size 1M --json
out_has '{"v":1,"type":"forget",*"removed":1,*"max_bytes":1048576,"needed_bytes_before":*,"needed_bytes":*}'
expect 0 dedup forget --max-size 1M --prune
expect 0 dedup check --read-data

# A key that was replaced leaves nothing that stays for its sake.
new_repo keys
expect 0 dedup key add --role full --label other --new-key-file "$PWD/other.key"
head -c 1000000 /dev/urandom >src/own
expect 0 dedup snapshot -s c --time 2026-11-01T12:00 src
head -c 1000000 /dev/urandom >src/own
expect 0 env DEDUP_KEY_FILE="$PWD/other.key" "$DEDUP" snapshot -s c --time 2026-11-02T12:00 src
expect 0 dedup forget --max-size 2500K
is_there c-02
