# shellcheck shell=sh
# Every command speaks JSON: one object a line, "v":1 first.
command -v jq >/dev/null || skip "jq is not installed"
odd src
export DEDUP_REPO="$PWD/repo" DEDUP_KEY_FILE="$PWD/key"
export DEDUP_CACHE_DIR="$PWD/cache"
json() {
    line="$* --json"
    expect "$@" --json
    jq -es 'length > 0 and all(type == "object" and .v == 1 and
        (.type | type) == "string")' "$OUT" >/dev/null ||
        run_fail "'$line': no JSON lines"
    grep -vq '^{"v":1,"type":"' "$OUT" && run_fail "'$line': not v first"
    return 0
}
json 0 dedup init
json 0 dedup snapshot src
json 3 dedup snapshot src nowhere
json 0 dedup snapshots
json 0 dedup ls -R "latest:$PWD/src"
[ "$(wc -l <"$OUT")" = "$(find src -mindepth 1 -printf x | wc -c)" ] ||
    run_fail "ls --json does not list all"
# Each entry as stat sees it.
jq -r 'select(.path_b64 | not) | select(.kind == "file") |
    "\(.size) \(.mode) \(.uid) \(.links) \(.path)"' "$OUT" |
    LC_ALL=C sort >have
jq -r 'select(.path_b64) | .path_b64' "$OUT" | wc -l >twins
[ "$(cat twins)" -gt 0 ] || run_fail "no name of other bytes in the tree"
jq -r 'select(.path_b64 | not) | select(.kind == "file") | .path' "$OUT" |
    grep -v '[^ -~]' | head -n 50 | while IFS= read -r f; do
    [ "${#f}" -lt 3000 ] && [ -f "$f" ] || continue
    stat -c '%s %04a %u %h %n' "$f" | grep -qxF -f - have ||
        run_fail "ls --json and stat differ on $f"
done || exit 1
json 0 dedup restore "$(dedup snapshots --json | jq -rs '.[0].id')" --target out
json 1 dedup restore latest --target out2
json 1 dedup cat "latest:$PWD/src"
json 1 dedup ls nothing
json 0 dedup version
json 0 dedup help
