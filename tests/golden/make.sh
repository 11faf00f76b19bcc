#!/bin/sh
# make.sh DEDUP DIR: makes a golden repository (README.md): everything that this
# version of the program writes, with what has to come out of it again. Root,
# on a file system with extended attributes. DIR must not exist.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dedup=$(realpath "$1")
mkdir "$2"
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export TZ=UTC LC_ALL=C
export DEDUP_REPO="$work/repo" DEDUP_KEY_FILE="$out/full.key" DEDUP_CACHE_DIR="$work/cache"

d() {
    "$dedup" -q "$@"
}
as() { # KEY COMMAND...
    as_key=$1
    shift
    DEDUP_KEY_FILE="$out/$as_key.key" DEDUP_CACHE_DIR="$work/cache.$as_key" "$dedup" -q "$@"
}
# keep NAME: what the last snapshot has to give back
keep() {
    "$here/describe.sh" src >"$out/$1.tree"
}

d init --label one
printf 'golden passphrase\n' >"$work/passphrase"
d key add --role full --label phrase --new-passphrase-file "$work/passphrase"
d key add --role read --label reader --new-key-file "$out/read.key"
d key add --role maintain --label keeper --new-key-file "$out/maintain.key"

# A tree with a bit of everything.
mkdir -p src/deep/er/est src/many src/empty
printf 'hello\n' >src/text
: >src/nothing
head -c 150000 /dev/urandom >src/noise
seq 100000 >src/numbers
truncate -s 3M src/holes
printf 'in the middle' | dd of=src/holes bs=1 seek=1500000 conv=notrunc status=none
ln src/text src/deep/twin
ln -s ../text src/deep/link
ln -s "$(printf 'nowhere\001')" src/dangling
mkfifo src/pipe
for i in $(seq 40); do
    echo "$i" >"src/many/file-$i"
done
cp src/numbers src/deep/er/est/again
printf x >"src/$(printf 'no utf-8 \377\n')"
chmod 4711 src/text
chmod 000 src/nothing
chmod 1777 src/empty
chown 12:34 src/noise
chown -h 5:6 src/deep/link
setfattr -n user.note -v 'an attribute' src/text
head -c 3000 /dev/zero | tr '\0' 'v' >value
setfattr -n user.long -v "$(cat value)" src/numbers
setfattr -n user.dir -v 1 src/deep
touch -h -d '2001-02-03T04:05:06.789012345Z' src/deep/link src/text
touch -d '1960-01-01T00:00:00Z' src/numbers
touch -d '2040-06-07T08:09:10.5Z' src/empty
sleep 0.1
d snapshot -s one --time 2026-01-01T00:00 --tag first --host golden --as-path /golden src
keep one
d protect one

# The next ones, of others and of other keys.
d key add --role write --label writer --new-key-file "$out/write.key"
head -c 60000 /dev/urandom >src/more
as write snapshot -s written --time 2026-01-02T00:00 --host elsewhere --as-path /golden src
keep written
d key add --role write --label gone --new-key-file "$work/gone.key"
DEDUP_KEY_FILE="$work/gone.key" DEDUP_CACHE_DIR="$work/cache.gone" "$dedup" -q snapshot \
    -s removed --time 2026-01-03T00:00 --host stolen --as-path /golden src/deep
d key remove gone
d check --read-data # vouches

# A new epoch.
d key rotate
rm src/noise
seq 50000 150000 >src/numbers
sleep 0.1
d snapshot -s two --time 2026-01-04T00:00 --host golden --as-path /golden src
keep two
as write snapshot -s written --time 2026-01-05T00:00 --host elsewhere --as-path /golden src
"$dedup" --json snapshot --stdin name.sql -s stream --time 2026-01-06T00:00 \
    --host golden <src/numbers >/dev/null

# Many small ones, whose segments are merged; most of them forgotten and pruned.
for i in $(seq 10 39); do
    head -c 2000 /dev/urandom >src/changes
    d snapshot -s often --time "2026-02-01T00:$i" --host golden --as-path /golden src
done
keep often
d forget -s often --keep-last 3
d prune --max-unused 0
# One forgotten and not pruned, one that came back.
d forget often~2 often~1
id=$("$dedup" --json unforget | sed -n 's/.*"type":"forgotten","id":"\([0-9a-f]*\)".*/\1/p' | tail -n 1)
d unforget "$id"
d tag --add checked often

# A run that was interrupted, after a checkpoint.
mkdir big
cp -a src/text src/more big/
yes | head -c 4000000000 >big/zz
env --default-signal=TERM "$dedup" -q snapshot -s unfinished --time 2026-03-01T00:00 \
    --host golden --as-path /big big 2>/dev/null &
pid=$!
i=0
until find "/proc/$pid/fd" -lname '*/big/zz' 2>/dev/null | grep -q .; do
    i=$((i + 1))
    [ $i -lt 10000 ] || exit 1
done
sleep 0.3
kill -TERM $pid
if wait $pid; then exit 1; fi
[ "$("$dedup" --json snapshots --all | grep -c '"series":"unfinished"')" = 1 ]

"$dedup" --json snapshots --all >"$out/snapshots.jsonl"
"$dedup" --json key list >"$out/keys.jsonl"
d check --read-data
"$dedup" version >"$out/version"
rm repo/reserve # a MiB of no meaning
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -cf "$out/repo.tar" repo
