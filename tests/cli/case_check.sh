# shellcheck shell=sh
# Damage: what check, cat, ls and restore make of it.
mkdir src
seq 400000 >src/early
echo small >src/small
new_repo repo
expect 0 dedup snapshot -s first src
head -c 6000000 /dev/urandom >src/late # alone in the largest pack
expect 0 dedup snapshot -s s src
for how in "" --read-data --keyless; do
    # shellcheck disable=SC2086 # a word or none
    expect 0 dedup check $how
    out_is
    err_is
    # shellcheck disable=SC2086
    expect 0 dedup check $how --json
    out_like '{"v":1,"type":"summary","damages":0,*}'
done
expect 0 dedup check -v
err_has 'dedup: check: 2 snapshots, * no damage'
expect 1 dedup check --keyless --read-data
# Without a key it needs none.
expect 0 env -u DEDUP_KEY_FILE "$DEDUP" check --keyless

# break_at FILE OFFSET: changes one byte
break_at() {
    chmod u+w "$1"
    old=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf '%b' "\\0$(printf %o $((old ^ 1)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
largest() {
    find repo/packs -type f -printf '%s %p\n' | sort -n | tail -n 1
}
size=$(largest | cut -d' ' -f1)
pack=$(largest | cut -d' ' -f2)
cp -a repo whole
break_at "$pack" $((size - size / 4))

expect 8 dedup check --read-data
out_is
err_has "dedup: check: damaged: ${pack#repo/}: *"
err_has "dedup: check: damaged: snapshot ???????? (s, *): $PWD/src/late: *"
err_has "dedup: check: damage was found; it hurts 1 path in 1 of 2 snapshots"
expect 8 dedup check --read-data --json
out_has '{"v":1,"type":"finding","kind":"path","damage":true,*"path":"*src/late"*}'
out_has '{"v":1,"type":"error","exit":8,*}'
expect 8 dedup check --keyless
err_has "dedup: check: damaged: ${pack#repo/}: *"
expect 8 env -u DEDUP_KEY_FILE "$DEDUP" check --keyless

# cat: what is written is certain, and the exit code says that it is not all.
expect 8 dedup cat "s:$PWD/src/late"
err_like "dedup: cat: $PWD/src/late: after * bytes: *"
n=$(wc -c <"$OUT")
[ "$n" -gt 0 ] || run_fail "nothing was written"
[ "$n" -lt 6000000 ] || run_fail "all was written"
cmp -s -n "$n" "$OUT" src/late || run_fail "cat wrote other bytes"
expect 0 dedup cat "s:$PWD/src/early"
cmp -s "$OUT" src/early || run_fail "the sound file differs"

# restore: the rest is there, the damaged one is not, and nothing false is.
expect 8 dedup restore "s:$PWD/src" --target out
err_has "dedup: restore: warning: $PWD/src/late: *"
err_has "dedup: restore: 1 of the entries *"
for f in early small; do
    cmp -s src/$f out/$f || run_fail "$f is not there"
done
[ ! -e out/late ] || run_fail "a damaged file was restored"
expect 8 dedup restore "s:$PWD/src" --target out --json
out_has '{"v":1,"type":"entry","outcome":"damaged","path":"*src/late",*}'
out_has '{"v":1,"type":"summary",*"damaged":1,*}'

# The next snapshot that reads the file again makes it whole.
chmod -R u+w repo
rm -rf repo
cp -a whole repo

# A pack that is gone, and the snapshot's own object.
rm "$pack"
expect 8 dedup check
err_has "dedup: check: damaged: *"
rm -rf repo
cp -a whole repo
snap=$(find repo/snapshots -type f | head -n 1)
break_at "$snap" 100
expect 8 dedup check
err_has "dedup: check: damaged: *snapshots/*"
rm -r repo.cache
expect 8 dedup snapshots
out_has '*(damaged)'
expect 0 dedup ls latest
err_is "dedup: ls: warning: 1 snapshot cannot be read; 'dedup check' tells more"
expect 8 dedup restore latest --target never
err_like "dedup: restore: 1 snapshot cannot be read and may be what 'latest' means*"
[ ! -e never ] || run_fail "the wrong snapshot was restored"
expect 8 dedup ls "$(basename "$snap")"
for id in repo/snapshots/*; do
    [ "$id" = "$snap" ] || expect 0 dedup restore "$(basename "$id")" -t other
done
rm -rf repo
cp -a whole repo
expect 0 dedup check --read-data

# What the last line says of each kind of damage; nothing is told twice.
damaged() {
    rm -rf repo repo.cache
    cp -a whole repo
    chmod -R u+w repo
    object=$(find "repo/$1" -type f | sort | head -n 1)
    name=${object#repo/}
    if [ "$2" = gone ]; then rm "$object"; else break_at "$object" "$2"; fi
}
once() {
    n=$(grep -cF -- "$1" "$ERR")
    [ "$n" = 1 ] || run_fail "'$1' stands there $n times"
}
damaged log 100
expect 8 dedup check
err_has "dedup: check: damaged: $name: *"
once signature
err_has "dedup: check: damage was found; the log is damaged: nothing can be opened until *"
grep -q 'no snapshot is hurt' "$ERR" && run_fail "no snapshot was looked at"
damaged keys 100
expect 8 dedup check
once 'key slots are damaged'
[ "$(wc -l <"$ERR")" = 1 ] || run_fail "a damaged key slot: not one line"
expect 8 dedup check --keyless
err_has "dedup: check: damage was found; with a damaged key slot *"
damaged config 60
expect 8 dedup check --keyless
err_has "dedup: check: damage was found; without its config *"
damaged snapshots gone
expect 8 dedup check
err_has "dedup: check: damage was found; 1 snapshot cannot be read at all"
expect 8 dedup check --json
out_has '*"snapshots_hurt":1,"snapshots_unreadable":1,"snapshots_unlisted":0,"paths_hurt":0,*'
damaged index gone
expect 8 dedup check -v
once "$name"
err_has "dedup: check: packs/* packs of * bytes that no segment names: what is lost *"
err_has "dedup: check: damage was found; no snapshot is hurt by it"

# A journal that has gone is named.
rm -rf repo repo.cache
cp -a whole repo
expect 0 dedup snapshots
journal=$(find repo/w -mindepth 1 -type d | head -n 1)
mv "$journal" journal
expect 8 dedup snapshots
err_like "dedup: snapshots: ${journal#repo/}, a writer's journal, has gone *"
mv journal "$journal"

# Of many findings the first hundred are named, in JSON each.
mkdir repo/packs/ee
for i in $(seq 150); do
    echo "$i" >"repo/packs/ee/$(printf 'ee%062d' "$i")"
done
expect 8 dedup check --keyless
[ "$(grep -c 'damaged: packs/' "$ERR")" = 100 ] || run_fail "not 100 are named"
err_has "dedup: check: warning: and 50 more of kind 'pack'; --json names each"
expect 8 dedup check --keyless --json
[ "$(grep -c '"type":"finding","kind":"pack"' "$OUT")" = 150 ] ||
    run_fail "--json does not name each"
rm -rf repo
cp -a whole repo

# What cannot be read is no damage: it is named, and the check goes on.
if [ "$(id -u)" = 0 ]; then
    chmod -R a+rX repo
    chmod a+r repo.key
    mkdir -m 777 nobody
    export DEDUP_CACHE_DIR="$PWD/nobody"
    pack=$(find repo/packs -type f | head -n 1)
    chmod 0 "$pack"
    as_nobody true
    expect 9 as_nobody dedup check --read-data
    err_has "dedup: check: warning: ${pack#repo/}: $PWD/repo: cannot open *: Permission denied; *"
    err_has "dedup: check: no damage was seen, but * could not be read; see to the storage, and check again"
    expect 9 as_nobody dedup check --keyless --json
    out_has '{"v":1,"type":"finding","kind":"pack","damage":false,"unread":true,*'
    out_has '{"v":1,"type":"summary","damages":0,"unread":1,*'
    snap=$(find repo/snapshots -type f | head -n 1)
    break_at "$snap" 100
    chmod a+r "$snap"
    expect 8 as_nobody dedup check --read-data
    err_has "dedup: check: warning: ${pack#repo/}: *"
    err_has "dedup: check: damaged: *snapshots/*"
fi

# A whole journal that is gone, and a cache that has never seen it: packs that
# nothing lists are no place for what another snapshot needs, though they can be
# read.
new_repo lost
mkdir shared
head -c 300000 /dev/urandom >shared/file
expect 0 dedup snapshot -s s shared
first=$(ls lost/w)
expect 0 dedup snapshot -s t shared
mv "lost/w/$first" journal
DEDUP_CACHE_DIR="$PWD/lost.new"
expect 8 dedup check
# a page that both have, or the file's chunks
err_has '*damaged: snapshot * (t, *): /*: chunk * in no pack*'
mv journal "lost/w/$first"
expect 0 dedup check
