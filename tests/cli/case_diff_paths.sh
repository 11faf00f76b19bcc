# shellcheck shell=sh
# Two different paths are compared: each thing is told with the path that it has
# in its own snapshot.
mkdir -p src/x/sub src/x/old src/y/sub src/y/new
echo one >src/x/changed
echo ONE MORE >src/y/changed
echo gone >src/x/sub/gone
echo came >src/y/sub/came
echo 'the report' >src/x/report
echo 'the report' >src/y/sub/paper
echo same >src/x/moded
echo same >src/y/moded
chmod 600 src/y/moded
echo inner >src/x/old/f
ln src/x/old/f src/y/new/f
touch -d 2020-01-01 src/x/report src/x/moded src/y/sub/paper src/y/moded
new_repo repo
sleep 0.1
expect 0 dedup snapshot -s s src

p=$PWD/src
expect 0 dedup diff "s:$p/x" "s:$p/y"
out_is "M $p/y/changed
m $p/y/moded
R $p/x/old/ -> $p/y/new/
+ $p/y/sub/came
- $p/x/sub/gone
R $p/x/report -> $p/y/sub/paper"
expect 0 dedup diff --no-renames "s:$p/x" "s:$p/y"
out_is "M $p/y/changed
m $p/y/moded
+ $p/y/new/
+ $p/y/new/f
- $p/x/old/
- $p/x/old/f
- $p/x/report
+ $p/y/sub/came
- $p/x/sub/gone
+ $p/y/sub/paper"
# every path is one of its snapshot
sed -n 's/^- //p' "$OUT" | while IFS= read -r f; do
    "$DEDUP" ls "s:$f" >/dev/null 2>&1 || echo "$f"
done >none
[ -s none ] && run_fail "none of the first one: $(cat none)"
expect 0 dedup diff --json "s:$p/x" "s:$p/y"
out_has "*\"change\":\"changed\",\"path\":\"$p/y/changed\",\"before\":{*\"size\":4,*"
out_has "*\"change\":\"removed\",\"path\":\"$p/x/sub/gone\",\"before\":*"
out_has "*\"change\":\"added\",\"path\":\"$p/y/sub/came\",\"after\":*"
out_has "*\"change\":\"renamed\",\"path\":\"$p/y/new\",\"from\":\"$p/x/old\",\"before\":*"

# A file on one side, or on both; the root
expect 0 dedup diff "s:$p/x/report" "s:$p/y/new"
out_is "- $p/x/report
+ $p/y/new/
+ $p/y/new/f"
expect 0 dedup diff "s:$p/y/new" "s:$p/x/report"
out_is "- $p/y/new/
- $p/y/new/f
+ $p/x/report"
expect 0 dedup diff "s:$p/x/changed" "s:$p/y/sub/came"
out_is "M $p/y/sub/came"
expect 0 dedup diff s "s:$p/x/old"
out_has '- /*/src/y/sub/came'
out_has "R $p/x/old/f -> $p/x/old/f"
expect 0 dedup diff "s:$p/x/old" s
grep -v '^[+Rm] ' "$OUT" && run_fail 'what went?'

# Damage, of which is not known on which side it is
find repo/packs -type f | sort >packs
mkdir -p src/z
echo z >src/z/z
sleep 0.1
expect 0 dedup snapshot -s s src
find repo/packs -type f | sort | comm -13 packs - >new
touch src/later
chmod 700 src/z # where it is named is stored anew, what is in it is not
expect 0 dedup snapshot -s s src
while IFS= read -r f; do
    chmod u+w "$f"
    : >"$f"
done <new
export DEDUP_CACHE_DIR="$PWD/empty"
expect 8 dedup diff "s:$p/x" "s:$p/z"
err_has "dedup: diff: warning: $p/x or $p/z: *"
expect 8 dedup diff s~2 s "$p"
err_has "dedup: diff: warning: $p/z: *"
