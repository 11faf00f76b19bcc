# shellcheck shell=sh
# Sixteen readers who know what they ought to read, while snapshots are made,
# forgotten and pruned. MOUNT_SECONDS: by hand, 300.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

readers=$(dirname "$DEDUP")/../tests/mount/mount_readers
seconds=${MOUNT_SECONDS:-25}
seed=${MOUNT_SEED:-$(date +%s)}
echo "seed $seed"
mkdir src
"$readers" make src 40 "$seed"
new_repo repo
expect 0 dedup snapshot -s s src
expect 0 dedup snapshot -s other src
mounted mnt --cache-size 32M
"$readers" read mnt/by-series 16 "$seconds" "$seed" >read.out 2>&1 &
pid=$!
n=0
while kill -0 "$pid" 2>/dev/null; do
    n=$((n + 1))
    # a third of the files gives way to others
    find src -type f | sort | awk "NR % 3 == $n % 3" | xargs rm -f
    "$readers" make src 12 "$((seed + n))"
    expect 0 dedup snapshot -s s src
    expect 0 dedup forget -s s --keep-last 2
    expect 0 dedup prune --max-unused 0
done
wait "$pid" || run_fail "$(cat read.out)"
cat read.out
rss=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(served mnt)/status")
echo "$n rounds; RssAnon $rss kB"
# 32 MiB of decoded data, and what threads need; sanitizers need their own
grep -qaE '__(a|t)san_init' "$DEDUP" ||
    [ "$rss" -lt 110000 ] || run_fail "RssAnon: $rss kB"
unmounted mnt
expect 0 dedup check --read-data
# what was held is let go of
expect 0 dedup prune
