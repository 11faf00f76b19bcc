#!/bin/sh
# kill_economy.sh DEDUP [GIB]: by hand: a backup of a GIB (4) GiB file that no
# compression shrinks, killed at about 80 %; the next run must store at most
# 1.3 GiB again, by the size of the repository.
set -eu
dedup=$1
gib=${2:-4}
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/dedup-economy.XXXXXX")
trap 'rm -rf "$dir"' EXIT
export DEDUP_REPO="$dir/repo" DEDUP_PASSPHRASE=x DEDUP_CACHE_DIR="$dir/cache"

stored() { du -sm "$dir/repo" 2>/dev/null | cut -f1; }

mkdir "$dir/src"
openssl enc -aes-128-ctr -nosalt -pass pass:economy -pbkdf2 </dev/zero \
    2>/dev/null | head -c "$((gib << 30))" >"$dir/src/file" || true
"$dedup" init
"$dedup" -q snapshot "$dir/src" &
pid=$!
until [ "$(stored)" -ge "$((gib * 1024 * 8 / 10))" ]; do
    kill -0 $pid || { echo "it ended before it could be killed"; exit 1; }
    sleep 0.05
done
kill -9 $pid
wait $pid || true
killed_at=$(stored)
"$dedup" -q snapshot "$dir/src"
after=$(stored)
again=$((after - gib * 1024))
echo "$gib GiB: killed with $killed_at MiB stored, $after MiB in the end:" \
    "$again MiB twice"
[ "$again" -le 1331 ]
