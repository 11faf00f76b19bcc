# shellcheck shell=sh
# No name, wherever it comes from, steers the terminal; each comes back.
new_repo repo
mkdir src
esc=$(printf 'a\033[31mred\033[0m')
line=$(printf 'two\nlines')
raw=$(printf 'raw\377\376end')
bidi=$(printf 'gpj.\342\200\256exe')
: >"src/$esc"
: >"src/$line"
: >"src/$raw"
: >"src/$bidi"
ln -s "$esc" "src/link"
expect 0 dedup snapshot src
expect 0 dedup ls "latest:$PWD/src"
plain "$OUT"
out_has "$PWD/src/a\\\\x1b\[31mred\\\\x1b\[0m"
out_has "$PWD/src/two\\\\nlines"
out_has "$PWD/src/raw\\\\xff\\\\xfeend"
out_has "$PWD/src/gpj.\\\\u{202e}exe"
[ "$(wc -l <"$OUT")" = 5 ] || run_fail "not one line for each name"
expect 0 dedup ls -l "latest:$PWD/src"
plain "$OUT"
out_has "*/src/link -> a\\\\x1b\[31mred*"

# The program gets each byte.
expect 0 dedup ls --json "latest:$PWD/src"
plain2=$(LC_ALL=C tr -d '\n\040-\176' <"$OUT" | tr -d '\200-\377' | wc -c)
[ "$plain2" = 0 ] || run_fail "control characters in JSON"
if command -v jq >/dev/null; then
    jq -r 'select(.path_b64) | .path_b64' "$OUT" | base64 -d >got
    printf '%s' "$PWD/src/$raw" >want
    cmp -s got want || run_fail "path_b64 is not the name"
    [ "$(jq -s '[.[] | select(.path_b64)] | length' "$OUT")" = 1 ] ||
        run_fail "a name in UTF-8 has a twin"
fi
for name in "$esc" "$line" "$raw" "$bidi"; do
    expect 0 dedup cat "latest:$PWD/src/$name"
    expect 0 dedup restore "latest:$PWD/src/$name" --target "to"
    [ -f "to/$name" ] || run_fail "it did not come back"
done

# Errors, dry runs and listings.
expect 1 dedup cat "latest:$PWD/src/no$esc"
plain "$ERR"
expect 0 dedup restore "latest:$PWD/src" --target new --dry-run
plain "$OUT"
expect 1 dedup snapshot "$PWD/no$esc$raw"
plain "$ERR"
expect 3 dedup snapshot -s t "src/$line" "$PWD/no$esc$raw"
plain "$ERR"
err_like '*no*red*raw*: *'
# A name of many bytes in a default series, and a tag that is no word.
expect 0 dedup snapshot "src/$esc"
expect 0 dedup snapshots
plain "$OUT"
expect 1 dedup snapshot --tag "$esc" src
plain "$ERR"
expect 1 dedup snapshot --series "$esc" src
plain "$ERR"
expect 1 dedup ls "$esc"
plain "$ERR"
expect 4 dedup -r "$esc" snapshots
plain "$ERR"
