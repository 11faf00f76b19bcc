# shellcheck shell=sh
expect 0 dedup version
out_like 'dedup [0-9]*.[0-9]*.[0-9]*'
err_is
cp "$OUT" version
expect 0 dedup --version
cmp -s "$OUT" version || run_fail "version and --version differ"
expect 0 dedup --json version
out_like '{"v":1,"type":"version","version":"[0-9]*.[0-9]*.[0-9]*","format":1,"compiler":"?*","libraries":{*},"chosen":{*}}'
out_has '*"ipsec-mb":"?*"*'
for library in libsodium openssl zstd lmdb libyaml libqrencode; do
    out_has "*\"$library\":\"[0-9]*.[0-9]*\"*"
done
out_has '*"chosen":{"cpu":"?*","chunker":"?*","cipher":"?*","cipher_by":"lib?*"}}'
# The first line is the same, whatever follows.
expect 0 dedup version -v
head -n 1 "$OUT" | cmp -s - version || run_fail "the first line differs"
out_has 'format      1'
out_has 'compiler    ?*'
out_has 'libsodium   [0-9]*.[0-9]*'
out_has 'cipher      ?*'
plain "$OUT"
err_is
# What is said to be chosen is what is used.
if grep -qw aes /proc/cpuinfo && grep -qw pclmulqdq /proc/cpuinfo; then
    out_has 'cipher      aes-256-gcm'
fi
