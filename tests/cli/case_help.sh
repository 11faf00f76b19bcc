# shellcheck shell=sh
# Help is data: standard output, exit 0, and nothing on standard error.
expect 0 dedup help
err_is
out_has 'usage: dedup *'
out_has '  restore     *'
out_has '  -r, --repo REPO *'
expect 0 dedup --help
cp "$OUT" help
expect 0 dedup -h
cmp -s "$OUT" help || run_fail "-h and --help differ"

expect 0 dedup help restore
out_has 'usage: dedup \[-r REPO\] restore \[OPTION...\] SNAP\[:PATH\]...'
out_has '*--target DIR*'
cp "$OUT" help
# --help wins over everything else that the line says, right or wrong.
expect 0 dedup restore --help
cmp -s "$OUT" help || run_fail "help restore and restore --help differ"
expect 0 dedup restore a b c --tag x --help
cmp -s "$OUT" help || run_fail "help restore and restore ... --help differ"

expect 1 dedup help restor
out_is
err_is "dedup: help: unknown command 'restor'; did you mean 'restore'?"

expect 0 dedup help --json
grep -q '"config":' "$OUT" && run_fail "there is no config file yet"
out_has '{"v":1,"type":"command","name":"init",*}'
out_has '{"v":1,"type":"option","name":"repo","letter":"r",*"environment":"DEDUP_REPO",*}'
command -v jq >/dev/null || skip "jq is not installed"
expect 0 jq -es 'all(.v == 1) and (map(select(.type == "option").name) | length == (unique | length))' "$OUT"
