# shellcheck shell=sh
# .versions: which versions there are of a path, also of what is deleted, in all
# series; and what becomes of it beside forget, prune and damage.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

listed() {
    expect 0 ls "$1"
    shift
    out_is "$@"
}
# soon_listed DIR TEXT: what others do is seen within a second
is_listed() {
    [ "$(ls "$1")" = "$2" ]
}
soon_listed() {
    soon is_listed "$@"
}
new_repo repo
mkdir -p src/sub
echo one >src/f
echo bye >src/gone
ln -s f src/link
echo file >src/turns
echo deep >src/sub/deep
seq 3000 | sed 's,^,src/sub/n,' | xargs touch -d @1
expect 0 dedup snapshot -s web --time 2026-01-01T00:00:00 src
expect 0 dedup snapshot -s db --time 2026-01-01T12:00:00 src # equal
echo two >src/f
rm src/gone src/turns src/sub/deep src/sub/n5*
ln -sf sub src/link
mkdir src/turns
echo in >src/turns/2026-01-01T00:00:00_web # called as a version of the file
echo in >src/turns/child
expect 0 dedup snapshot -s web --time 2026-01-02T00:00:00 src
chmod 600 src/f
setfattr -n user.x -v y src/f 2>/dev/null
expect 0 dedup snapshot -s web --time 2026-01-03T00:00:00 src
rm src/f
expect 0 dedup snapshot -s web --time 2026-01-04T00:00:00 src
rm -r src/turns
echo three >src/f
echo 'file again' >src/turns
expect 0 dedup snapshot -s db --time 2026-01-05T00:00:00 src
expect 0 dedup snapshot -s web --time 2026-01-06T00:00:00 src
mkdir mnt
# served_here: mounted, and what is said of it is in the file `said`
served_here() {
    dedup mount --foreground --allow-other mnt 2>>said &
    pid=$!
    meanwhile "$pid" mountpoint -q mnt
}
here=mnt/.versions$PWD/src
by=mnt/by-series
served_here

# It is hidden by its name, and for who mounts alone.
listed mnt 'by-date
by-id
by-series
by-tag
latest'
expect 0 ls -a mnt
out_has .versions
as_nobody ls "$here" >"$OUT" 2>"$ERR" && run_fail "others look into .versions"
err_has '*Permission denied*'
expect 0 as_nobody ls "$by"

# Who lists names has not looked into any snapshot, and pins none.
pins() {
    find repo/w -type f | wc -l
}
before=$(pins)
expect 0 ls "$here/f" "$here/sub"
[ "$(pins)" = "$before" ] || run_fail "a listing pins"

# What differs from what the series had before, once if others have it too.
listed "$here/f" '2026-01-01T00:00:00_web
2026-01-02T00:00:00_web
2026-01-03T00:00:00_web
2026-01-05T00:00:00_db'
listed "$here/gone" 2026-01-01T00:00:00_web
listed "$here/link" '2026-01-01T00:00:00_web
2026-01-02T00:00:00_web'
[ "$(readlink "$here/link/2026-01-02T00:00:00_web")" = sub ] ||
    run_fail "$(readlink "$here/link/2026-01-02T00:00:00_web")"

# As a file, and as a directory: names of a directory go before.
listed "$here/turns" '2026-01-01T00:00:00_web
2026-01-05T00:00:00_db
child'
[ -d "$here/turns/2026-01-01T00:00:00_web" ] || run_fail "a name is hidden"
expect 0 cat "$here/turns/2026-01-01T00:00:00_web/2026-01-02T00:00:00_web"
out_is in
expect 0 cat "$here/turns/2026-01-05T00:00:00_db"
out_is 'file again'

# All names that ever were, each once.
ls "$here/sub" >got || run_fail "ls"
{
    echo deep
    seq 3000 | sed 's,^,n,'
} | sort >want
same got want
expect 0 ls -la "$here/sub"
awk 'NF > 8 { print $9 }' "$OUT" | grep -v '^\.' >got
same got want
listed "$here/sub/n5" 2026-01-01T00:00:00_web
listed "$here" 'f
gone
link
sub
turns'

# Any snapshot that has the path may be named; nothing else is there.
expect 0 cat "$here/f/2026-01-06T00:00:00_web"
out_is three
for name in none f/none f/2026-01-04T00:00:00_web f/2026-01-01T00:00:00_db/x \
    sub/2026-01-01T00:00:00_web 2026-01-01T00:00:00_web \
    sub/deep/2026-01-02T00:00:00_web; do
    expect 2 ls "$here/$name"
    err_like '*No such file or directory*' || err_like '*Not a directory*'
done

# What is read is what `cat` gives, and the inode that every other way leads to.
for day in 01 02 03; do
    v="$here/f/2026-01-${day}T00:00:00_web"
    dedup cat "web~$((5 - ${day#0})):$PWD/src/f" >want 2>"$ERR" ||
        run_fail "$(cat "$ERR")"
    cmp "$v" want || run_fail "another content on day $day"
    same_as="$by/web/2026-01-${day}T00:00:00$PWD/src/f"
    [ "$(stat -c '%i %a %Y %s %h' "$v")" = "$(stat -c '%i %a %Y %s %h' "$same_as")" ] ||
        run_fail "another inode on day $day"
done
if command -v fincore >/dev/null; then
    id=$(dedup snapshots -s web --json | sed -n 's/.*"id":"\(........\).*/\1/p' | head -n 1)
    cat "$here/gone/2026-01-01T00:00:00_web" >/dev/null
    [ "$(fincore -nbo PAGES "mnt/by-id/$id$PWD/src/gone" | tr -d ' ')" = 1 ] ||
        run_fail "the kernel has it twice"
fi
expect 0 find "$here" ! -type d
[ "$(grep -c /f/2026 "$OUT")" = 4 ] || run_fail "$(grep /f/ "$OUT")"
[ "$(stat -c %i "$here/f")" = "$(stat -c %i "$here/f/../../src/f")" ] ||
    run_fail "another number"
expect 1 rmdir "$here/gone"

# Forgotten ones go: what else has the version lends its name; others come.
expect 0 dedup forget web~4
soon_listed "$here/gone" 2026-01-01T12:00:00_db
echo four >src/f
expect 0 dedup snapshot -s new --time 2026-01-07T00:00:00 src
soon_listed "$here/f" '2026-01-01T12:00:00_db
2026-01-02T00:00:00_web
2026-01-03T00:00:00_web
2026-01-05T00:00:00_db
2026-01-07T00:00:00_new'

# A version that is open is held by a prune beside it; the rest goes.
exec 3<"$here/f/2026-01-02T00:00:00_web"
expect 0 dedup forget web~3
expect 0 dedup forget db~1
expect 0 dedup prune
goes() {
    [ ! -e "$here/gone" ] && [ ! -e "$here/f/2026-01-02T00:00:00_web" ]
}
soon goes
[ "$(cat <&3)" = two ] || run_fail "an open version is gone"
exec 3<&-
soon_listed "$here/f" '2026-01-03T00:00:00_web
2026-01-05T00:00:00_db
2026-01-07T00:00:00_new'
# closed, it is let go of
packs=$(find repo/packs -type f | wc -l)
let_go() {
    dedup prune --max-unused 0 && [ "$(find repo/packs -type f | wc -l)" -lt "$packs" ]
}
soon let_go
umount mnt
wait "$pid" || run_fail "exit $?"
[ ! -s said ] || run_fail "$(cat said)"
expect 0 dedup check --read-data

# Beside sixteen who list and read all the time snapshots come, and are pruned:
# names stay whole, what is read is right, and nobody speaks of damage.
served_here
# reads NO: until there is a file `stop`; a name may go between two looks
reads() {
    while [ ! -e stop ]; do
        ls "$here/sub" >"names.$1" 2>&1
        grep -v '^[nx][0-9]*$' "names.$1" && return 1
        find "$here" -name "n1$1*" >"names.$1" 2>&1
        grep '^find:' "names.$1" | grep -v 'sub/x[0-9].*No such file' && return 1
        [ "$(cat "$here"/f/*_new)" = four ] || return 1
        ls -l "$here/sub/n1$1" "$here/f" >"names.$1" || return 1
    done
}
readers=
for i in $(seq 16); do
    reads "$i" &
    readers="$readers $!"
done
for i in 1 2 3 4 5 6; do
    rm -f "src/sub/x$((i - 1))"
    echo "$i" >"src/sub/x$i"
    expect 0 dedup snapshot -s busy src
    expect 0 dedup forget -s busy --keep-last 1
    expect 0 dedup prune --max-unused 0
done
: >stop
for i in $readers; do
    wait "$i" || run_fail "a reader beside prune: $(cat said)"
done
[ "$(find "/proc/$pid/fd" -lname '*/packs/*' | wc -l)" -lt 100 ] ||
    run_fail "descriptors stay open"
umount mnt
wait "$pid" || run_fail "exit $?"
[ ! -s said ] || run_fail "$(cat said)"
expect 0 dedup check --read-data

# Who looks at one version after the other does not wait for a pin each time.
for i in $(seq 10 49); do
    echo "$i" >src/each
    expect 0 dedup snapshot -s each --time "2026-01-08T00:00:$i" src
done
served_here
before=$(pins)
expect 0 cat "$here/each/2026-01-08T00:00:10_each"
out_is 10
one=$(pins)
[ "$one" -gt "$before" ] || run_fail "nothing is pinned"
expect 0 ls -l "$here/each"
[ "$(grep -c _each "$OUT")" = 40 ] || run_fail "$(cat "$OUT")"
[ "$(pins)" -le "$((one + 7))" ] || run_fail "$(($(pins) - one)) records"
expect 0 dedup forget -s each --keep-last 1
expect 0 dedup prune --max-unused 0
[ "$(cat "$here/each/2026-01-08T00:00:49_each")" = 49 ] || run_fail "the last one"
soon_listed "$here/each" 2026-01-08T00:00:49_each
umount mnt
wait "$pid" || run_fail "exit $?"

# A snapshot is pruned while names that it alone has are being listed.
mkdir src/long
seq 6000 | sed 's,$,-a-name-so-long-that-a-listing-comes-in-many-parts,' >names
(cd src/long && xargs touch <../../names)
expect 0 dedup snapshot -s long --time 2026-01-08T01:00:00 src
rm -r src/long
mkdir src/long
touch src/long/the-last
expect 0 dedup snapshot -s long --time 2026-01-08T02:00:00 src
served_here
# shellcheck disable=SC2012 # it is about ls
ls -U "$here/long" 2>ls.err | {
    read -r name
    dedup forget long~1
    dedup prune --max-unused 0
    sleep 1.5 # until the mount knows
    echo "$name"
    cat
} >got
[ ! -s ls.err ] || run_fail "$(cat ls.err)"
sort -c got || run_fail "names in no order, or twice"
[ "$(tail -n 1 got)" = the-last ] || run_fail "the listing ends at $(tail -n 1 got)"
[ "$(wc -l <got)" -gt 10 ] || run_fail "no names"
[ "$(wc -l <got)" -lt 6000 ] || run_fail "it was all listed before"
ls "$here/long/$(head -n 1 got)" >"$OUT" 2>"$ERR" && run_fail "it is still there"
umount mnt
wait "$pid" || run_fail "exit $?"
[ ! -s said ] || run_fail "$(cat said)"
rm names got

# One directory is damaged: it is named once, and the rest is shown.
find repo/packs -type f | sort >before
mkdir src/late
echo five >src/late/only
expect 0 dedup snapshot -s late --time 2026-01-09T00:00:00 src
lost=$(find repo/packs -type f | sort | comm -13 before -)
for pack in $lost; do
    chmod u+w "$pack"
    truncate -s 0 "$pack"
done
rm -f said
served_here
ls "$here/f" >got 2>"$ERR" || run_fail "$(cat "$ERR")"
grep -qx 2026-01-07T00:00:00_new got || run_fail "$(cat got)"
grep -q late got && run_fail "a version that cannot be read"
expect 0 ls -la "$here" "$here/sub"
expect 0 cat "$here/f/2026-01-07T00:00:00_new"
out_is four
umount mnt
wait "$pid" || run_fail "exit $?"
[ "$(grep -c damaged said)" = 1 ] || run_fail "told otherwise: $(cat said)"

# One snapshot has no versions.
mounted mnt web
expect 2 ls mnt/.versions
unmounted mnt
