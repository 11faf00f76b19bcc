# shellcheck shell=sh
# Every way to name a snapshot.
mkdir a b
new_repo repo
id() {
    "$DEDUP" snapshot --print-id "$@" 2>"$ERR" || run_fail "snapshot $*"
}
echo 1 >a/file
a1=$(id -s aa a)
echo 22 >a/file
a2=$(id -s aa a)
echo 333 >a/file
a3=$(id -s aa a)
[ ${#a3} = 64 ] || run_fail "--print-id is no id: $a3"

# gives TEXT SPEC: the file in that snapshot
gives() {
    expect 0 dedup cat "$2:$PWD/a/file"
    out_is "$1"
}
gives 333 latest
gives 22 latest~1
gives 1 latest~2
gives 333 aa
gives 22 aa~1
gives 1 "$a1"
gives 22 "$(echo "$a2" | cut -c1-8)"
gives 1 "$a2~1"
gives 333 "$(date -u +%F)"
gives 333 "$(date -u +%FT%T)"
gives 22 "$(date -u +%F)~1"
expect 1 dedup cat "latest~3:$PWD/a/file"
expect 1 dedup cat "2001-01-01:$PWD/a/file"
expect 1 dedup cat "2001-02-30:$PWD/a/file"
expect 1 dedup cat "$(echo "$a1" | cut -c1-3):$PWD/a/file"
expect 1 dedup cat "ab:$PWD/a/file"
err_has "*did you mean the series 'aa'?"
expect 1 dedup cat "latest:$PWD/a/none"
err_is "dedup: cat: $PWD/a/none: no such path in the snapshot latest"
expect 1 dedup cat "latest:$PWD/a/file/none"
expect 1 dedup cat "latest:$PWD/a"
err_is "dedup: cat: $PWD/a: not a regular file (dir); 'dedup restore' writes such back"
expect 1 dedup cat latest
for text in aa: aa:etc /etc; do
    expect 1 dedup ls $text
    err_is "dedup: ls: '$text': a snapshot comes first, and the path in it begins with ':/', as in latest:/etc"
done
expect 1 dedup ls "latest:/../etc"

# One series: restore takes latest. Several: it wants one named.
expect 0 dedup restore latest --target one
expect 0 dedup snapshot -s bb b
expect 1 dedup restore latest --target two
# What is wrong comes first, then what it can be.
err_like "dedup: restore: 'latest': there are several series; name one, or the id of one snapshot
dedup: restore: candidate: ????????  20??-??-?? ??:??:??  bb
dedup: restore: candidate: ????????  20??-??-?? ??:??:??  aa"
expect 1 dedup restore latest --target two --json
out_like '{"v":1,"type":"error","exit":1,"message":"*several series*"}'
[ ! -e two ] || run_fail "something was restored"
expect 1 dedup restore "$(date -u +%F)" --target two
expect 0 dedup restore aa --target two
cmp -s a/file "two$PWD/a/file" || run_fail "aa is not what it was"
expect 0 dedup restore "$a1" --target three
[ "$(cat "three$PWD/a/file")" = 1 ] || run_fail "the id is not what it was"
# To look, the newest of all will do.
expect 0 dedup ls "latest:$PWD/b"
out_is

# The list, and one series of it.
expect 0 dedup snapshots
[ "$(wc -l <"$OUT")" = 5 ] || run_fail "not four snapshots and a title"
out_has "$(echo "$a1" | cut -c1-8)  20??-??-?? ??:??:??  aa  *"
expect 0 dedup snapshots -s bb
[ "$(wc -l <"$OUT")" = 2 ] || run_fail "not one snapshot and a title"
expect 0 dedup snapshots -s cc
out_is
expect 1 dedup snapshots -s 'c c'
expect 0 dedup snapshot -s cc --tag nightly --tag good --tag nightly a
expect 0 dedup snapshots -s cc
out_has '*nightly,good'
expect 0 dedup snapshots -s cc --json
out_has '*"tags":\[{"tag":"nightly"},{"tag":"good"}\]*'
out_has '*"paths":\[{"path":"'"$PWD/a"'"}\]*'
for tag in 'a b' 'a,b' ''; do
    expect 1 dedup snapshot -s cc --tag "$tag" a
done
for series in latest 'a b' a/b '' "$(printf '%0101d' 1)"; do
    expect 1 dedup snapshot --series "$series" a
done
