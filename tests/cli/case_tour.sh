# shellcheck shell=sh
# The tour of the README, on a tree with everything odd in it.
odd src
new_repo repo
out_is
err_has "dedup: init: warning: made a new key in *"

# Nothing to say when all is well and nobody looks on.
expect 0 dedup snapshot src
out_is
err_is
# Nothing is new: no file is stored again, at most pages of directories above.
expect 0 dedup snapshot src --json
out_has '{"v":1,"type":"snapshot",*"had_parent":true,*}'
field() {
    sed -n 's/.*"'"$1"'":\([0-9]*\)[,}].*/\1/p' "$OUT"
}
[ "$(field files)" = "$(field unchanged_files)" ] ||
    run_fail "a file was not taken for unchanged"
[ "$(field new_bytes)" -lt 4000 ] || run_fail "something was stored again"
err_is
expect 0 dedup snapshots
[ "$(wc -l <"$OUT")" = 3 ] || run_fail "not two snapshots and a title"
err_is

expect 0 dedup ls latest:"$PWD/src"
out_has "$PWD/src/names"
expect 0 dedup ls latest
out_is "/$(echo "$PWD" | cut -d/ -f2)"
find src -mindepth 1 -printf x | wc -c >want
expect 0 dedup ls -R latest:"$PWD/src"
[ "$(wc -l <"$OUT")" = "$(cat want)" ] || run_fail "ls -R does not list all"
plain "$OUT"
expect 0 dedup ls -lR latest:"$PWD/src"
plain "$OUT"

find src -type f -size -100M ! -name '*[!A-Za-z0-9._-]*' | head -n 200 | while IFS= read -r f; do
    expect 0 dedup cat "latest:$PWD/$f"
    cmp -s "$OUT" "$f" || run_fail "cat: $f differs"
done || exit 1

expect 0 dedup restore latest --target out
out_is
err_is
restored src "out$PWD/src"
expect 0 dedup restore "latest:$PWD/src" --target part
restored src part
# A second time: all is there.
expect 0 dedup restore "latest:$PWD/src" --target part --json
out_has '{"v":1,"type":"summary",*"written":0,*"failed":0,"damaged":0,*}'
restored src part
f=$(find src/sizes -type f -size +0 | head -n 1)
expect 0 dedup restore "latest:$PWD/$f" --target one
cmp -s "$f" "one/$(basename "$f")" || run_fail "one file: it differs"
[ "$(find one -type f | wc -l)" = 1 ] || run_fail "one file: there is more"
