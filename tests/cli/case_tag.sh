# shellcheck shell=sh
# Tags and protection: what the log says of a snapshot afterwards, and lists of
# some of them.
mkdir src
echo a >src/a
new_repo repo

# of SNAP JQ: a member of its line
of() {
    expect 0 dedup snapshots --json
    jq -r --arg id "$1" "select(.id == \$id) | $2" "$OUT" >got
    cat got
}
command -v jq >/dev/null || skip "no jq"

expect 0 dedup snapshot -s s --print-id --tag one --tag two --time 2020-01-01T10:00 src
first=$(cat "$OUT")
expect 0 dedup snapshot -s s --print-id --host web1 src
second=$(cat "$OUT")
tags() {
    of "$1" '[.tags[].tag] | join(" ")'
}

[ "$(tags "$first")" = "one two" ] || run_fail "tags at creation"
expect 0 dedup tag --add three --add one --remove two "$first"
out_is
err_is
[ "$(tags "$first")" = "one three" ] || run_fail "add and remove: $(cat got)"
expect 0 dedup tag --add three "$first" -v
err_like "*it has these tags already"
expect 0 dedup tag --set x --set y "$first" "$second"
[ "$(tags "$first")" = "x y" ] || run_fail "set"
[ "$(tags "$second")" = "x y" ] || run_fail "set of another"
expect 0 dedup tag --clear "$second" --json
out_has '{"v":1,"type":"tagged","id":"'"$second"'","changed":true}'
[ "$(tags "$second")" = "" ] || run_fail "clear"
expect 0 dedup snapshots
out_has "*x,y*"
for bad in "--add" "--add a,b" "--set x --add y" "--clear --set x" "--add x --clear"; do
    # shellcheck disable=SC2086 # a list of words
    expect 1 dedup tag "$first" $bad
done
expect 1 dedup tag "$first"
expect 1 dedup tag --add x
expect 1 dedup tag --add x "$first:/src"
expect 1 dedup tag --add "a b" "$first"
# All or none are found.
expect 1 dedup tag --add z "$first" 2019-01-01
[ "$(tags "$first")" = "x y" ] || run_fail "a tag although one was not found"

# Protection.
expect 0 dedup protect "$first"
[ "$(of "$first" .protected)" = true ] || run_fail "protect"
expect 0 dedup protect --until 2099-12-31 --reason "an audit" "$first"
[ "$(of "$first" '.protected_until + .protect_reason')" = "2100-01-01T00:00:00.000000000Zan audit" ] ||
    run_fail "until and reason: $(cat got)"
expect 0 dedup snapshots
out_has "*x,y (protected)"
expect 0 dedup protect --until 30d "$second"
expect 0 dedup protect --off "$second" "$first" -v
err_has "*is no longer protected"
[ "$(of "$first" .protected)" = false ] || run_fail "off"
expect 0 dedup protect --off "$first" -v
err_like "*is not protected"
for bad in 2020-01-01 soon 0d; do
    expect 1 dedup protect --until $bad "$first"
done
expect 1 dedup protect --off --reason x "$first"

# Some of them only.
listed() {
    expect 0 dedup snapshots --json "$@"
    jq -r '.id' "$OUT" | tr '\n' ' '
}
[ "$(listed --tag x)" = "$first " ] || run_fail "--tag"
[ "$(listed --tag none)" = "" ] || run_fail "--tag none"
[ "$(listed --tag none --tag y)" = "$first " ] || run_fail "one of two tags"
[ "$(listed --host web1)" = "$second " ] || run_fail "--host"
[ "$(listed --since 2020-01-02)" = "$second " ] || run_fail "--since"
[ "$(listed --since 2020-01-01 --until 2020-01-01)" = "$first " ] || run_fail "--until"
[ "$(listed --until 2019-12-31)" = "" ] || run_fail "--until before"
for o in since until; do
    expect 1 dedup snapshots --$o 2d
    err_is "dedup: snapshots: --$o: '2d': not a date, such as 2026-11-20 or 2026-11-20T18:30"
done

# Which of several series is not said twice over.
expect 0 dedup snapshot -s other src
expect 1 dedup protect latest
err_has "dedup: protect: 'latest': there are several series; *"
expect 1 dedup protect nothing-such
err_is "dedup: protect: no snapshot 'nothing-such'; 'dedup snapshots' lists them"

# Problems.
mkdir src/closed
ln -s /etc/passwd src/.dedupignore
expect 3 dedup snapshot -s s src
expect 0 dedup snapshots --problems s
out_has "unreadable  $PWD/src: .dedupignore was not heeded: *"
expect 0 dedup snapshots --problems s --json
out_has '{"v":1,"type":"problem","kind":"unreadable",*'
expect 0 dedup snapshots --problems "$first"
out_is
expect 1 dedup snapshots --problems nothing-such

# Who may: full and maintain.
head -c 32 /dev/urandom >w.key
expect 0 dedup key add --role write --label w --new-key-file w.key
expect 0 dedup key add --role maintain --label m --new-key-file m.key
expect 5 dedup --key-file w.key tag --add x "$first"
expect 5 dedup --key-file w.key protect "$first"
expect 0 dedup --key-file m.key tag --add by-m "$first"
[ "$(tags "$first")" = "x y by-m" ] || run_fail "by a maintain key"
expect 0 dedup check --read-data
