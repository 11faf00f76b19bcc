# shellcheck shell=sh
expect 0 dedup version
out_like 'dedup [0-9]*.[0-9]*.[0-9]*'
err_is
cp "$OUT" version
expect 0 dedup --version
cmp -s "$OUT" version || run_fail "version and --version differ"
expect 0 dedup --json version
out_like '{"v":1,"type":"version","version":"[0-9]*.[0-9]*.[0-9]*"}'
