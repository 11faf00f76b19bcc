# shellcheck shell=sh
# One damaged journal record: every command goes on, says so, and ends as it
# would; only check ends with 8. The record that comes back from a copy is taken.
mkdir src
seq 100000 >src/early
new_repo repo
expect 0 dedup snapshot -s first src
cp -a src was
seq 100000 200000 >src/late
expect 0 dedup snapshot -s second src
cp -a repo whole

# break_at FILE OFFSET: changes one byte
break_at() {
    chmod u+w "$1"
    old=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf '%b' "\\0$(printf %o $((old ^ 1)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
told="dedup: *: warning: w/????????????????????????????????/000000* is damaged: *"
advice="dedup: *: warning: 1 damaged record in 1 journal: *'dedup check'*"
total=$(find repo/w -type f | wc -l)
[ "$total" -ge 8 ] || run_fail "only $total records"
listed=0
for record in repo/w/*/*; do
    case $record in *.dedup*) continue ;; esac
    rm -rf repo.cache
    break_at "$record" 200
    name=${record#repo/}
    for command in "snapshots" "ls second"; do
        # shellcheck disable=SC2086 # words
        [ "$command" = snapshots ] || grep -q second "$OUT" || continue
        # shellcheck disable=SC2086
        expect 0 dedup $command
        err_has "dedup: *: warning: $name is damaged: *"
        err_has "$advice"
    done
    expect 0 dedup snapshots --json
    n=$(grep -c '"type":"snapshot"' "$OUT")
    listed=$((listed + n))
    if grep -q '"series":"first"' "$OUT"; then
        expect 0 dedup restore "first:$PWD/src" --target out
        err_has "$told"
        restored was out
        rm -rf out
    fi
    expect 8 dedup check
    err_has "dedup: check: damaged: $name: *"
    if [ "$n" = 1 ]; then
        err_has "dedup: check: damaged: snapshot ???????? (*, *): *no journal*"
        err_has "dedup: check: damage was found; 1 snapshot is missing from the list"
    fi
    expect 0 dedup snapshot -s third src
    err_has "$told"
    expect 0 dedup restore "third:$PWD/src" --target out
    restored src out
    rm -rf out
    chmod u+w "$record"
    cp -p "whole/$name" "$record"
    expect 0 dedup ls first
    err_is
    expect 0 dedup check
    chmod -R u+w repo
    rm -rf repo
    cp -a whole repo
done
# each of the two commits was missing once
[ "$listed" = $((2 * total - 2)) ] || run_fail "$listed snapshots were listed"
