# shellcheck shell=sh
# Files by name, type, size and time, in all snapshots or in one.
new_repo repo
mkdir -p src/d/Sub.conf
p=$PWD/src
echo one >src/a.conf
seq 5000 >src/d/big.conf
touch -d 2026-01-01 src/a.conf src/d/big.conf
ln -s a.conf src/l.conf
expect 0 dedup snapshot -s s --time 2026-02-01T00:00:00 src
sleep 0.1
echo TWO! >src/a.conf
touch -d 2026-01-05 src/a.conf
rm src/l.conf
expect 0 dedup snapshot -s s --time 2026-02-02T00:00:00 src
expect 0 dedup snapshot -s s --time 2026-02-03T00:00:00 src
expect 0 dedup snapshot -s t --time 2026-02-04T00:00:00 src

# found PATHS: the paths of the last one, without what is in front of them
found() {
    sed "s,^.*  $p,," "$OUT" | sort | tr '\n' ' ' >got
    [ "$(cat got)" = "$1" ] || run_fail "found $(cat got), not $1"
}
# each version once, in the snapshot in which it came
expect 0 dedup find '*.conf'
found '/a.conf /a.conf /a.conf /d/Sub.conf /d/Sub.conf /d/big.conf /d/big.conf /l.conf '
out_has "????????  2026-02-01 00:00:00  $p/a.conf"
out_has "????????  2026-02-02 00:00:00  $p/a.conf"
grep -q 2026-02-03 "$OUT" && run_fail "found again what had not changed"
expect 0 dedup find -s t '*.conf'
found '/a.conf /d/Sub.conf /d/big.conf '
expect 0 dedup find --until 2026-02-01 "$p/a.conf"
found '/a.conf '

# in one
expect 0 dedup find '*.conf' s
out_is "$p/a.conf
$p/d/Sub.conf
$p/d/big.conf"
expect 0 dedup find '*.conf' "s:$p/d"
out_is "$p/d/Sub.conf
$p/d/big.conf"
expect 0 dedup find -l big.conf s
out_like "-rw-r--r-- * $p/d/big.conf*"
expect 0 dedup find 'sub.CONF' s
out_is
expect 0 dedup find --ignore-case 'sub.CONF' s
out_is "$p/d/Sub.conf"

expect 0 dedup find --type dir '*.conf' s
out_is "$p/d/Sub.conf"
expect 0 dedup find --type symlink '*' s~2
out_is "$p/l.conf"
expect 0 dedup find --size +1k '*' s
out_is "$p/d/big.conf"
expect 0 dedup find --size -1k '*' s
out_is "$p/a.conf"
expect 0 dedup find --size 5 '*' s
out_is "$p/a.conf"
expect 0 dedup find --type file --newer 2026-01-02 '*' s
out_is "$p/a.conf"
expect 0 dedup find --type file --older 2026-01-02 '*' s
out_is "$p/d/big.conf"
expect 0 dedup find --type file --newer 1h '*' s
out_is
expect 0 dedup find --json a.conf s
out_like "{\"v\":1,\"type\":\"match\",\"path\":\"$p/a.conf\",\"kind\":\"file\",\"size\":5,\"mode\":\"0644\",*}"
expect 0 dedup find --json -s t a.conf
out_like '{*"snapshot":"*","time":"2026-02-04T00:00:00.000000000Z","series":"t"}'
expect 0 dedup find nothing
out_is

expect 1 dedup find
expect 1 dedup find --size x '*'
err_like 'dedup: find: --size: *'
expect 1 dedup find --size +-5 '*'
expect 1 dedup find --newer tomorrow '*'
err_like 'dedup: find: --newer: *'
expect 1 dedup find --type f '*'
expect 1 dedup find x nope

# what nothing could match, or would be left out of account
expect 1 dedup find --size -0 '*'
err_like 'dedup: find: --size -0: *--size 0*'
expect 1 dedup find ''
err_like "dedup: find: '': an empty pattern *"
expect 1 dedup find '!a.conf'
err_like "dedup: find: '!a.conf': *backslash*"
expect 0 dedup find '\!a.conf'
for pattern in '[' 'a[b' /; do
    expect 1 dedup find "$pattern"
    err_like "dedup: find: '$pattern': this pattern matches nothing: *"
done
expect 1 dedup find -s nope '*'
out_is
err_like "dedup: find: --series 'nope': no snapshot is of that series; *"
expect 0 dedup find --host nope '*'
out_is
expect 0 dedup find -v --host nope '*'
err_has 'dedup: find: there are no snapshots of that kind'
expect 1 dedup find -s s --since 2026-01-01 --until 2026-03-01 --host h --tag x --tag y '*' s
err_like 'dedup: find: --series, --host, --tag, --since, --until: *'
expect 1 dedup find --tag x '*' s
err_like 'dedup: find: --tag: *'
expect 0 dedup find --all a.conf s

# a directory in which something came is another one
mkdir -p tree/d/e
touch -d 2026-01-01 tree/d/e tree/d tree
expect 0 dedup snapshot -s u --time 2026-02-01T00:00:00 tree
touch tree/d/new
touch -d 2026-01-05 tree/d
expect 0 dedup snapshot -s u --time 2026-02-02T00:00:00 tree
expect 0 dedup snapshot -s u --time 2026-02-03T00:00:00 tree
p=$PWD/tree
expect 0 dedup find -s u --newer 2026-01-02 --older 2026-01-09 --type dir '*'
found '/d '
out_has "????????  2026-02-02 00:00:00  $p/d"
expect 0 dedup find -s u --older 2026-01-02 --type dir "$p/**"
found '/d /d/e '
