# shellcheck shell=sh
# A directory that is stored under another path than the one at which it stands.
new_repo repo
here=$(pwd -P)
mkdir -p srv/www/cache snap/www there/in
echo one >srv/www/one
echo two >srv/www/two.o
echo three >srv/www/cache/three
ln srv/www/one srv/www/link
ln -s srv linked
sleep 0.1 # what changed just now is not taken for unchanged
unchanged() {
    [ "$(sed -n 's/.*"unchanged_files":\([0-9]*\),.*/\1/p' "$OUT")" = "$1" ] ||
        run_fail "not $1 files unchanged"
}

# It is what a snapshot of that path is: series, paths, entries, patterns. What
# has not changed is not read again, in either direction.
expect 0 dedup snapshot "$here/srv" --json
series=$(sed -n 's/.*"series":"\([^"]*\)".*/\1/p' "$OUT")
mv srv/www snap/
expect 0 dedup snapshot "$here/snap" --as-path "$here/srv" --json
out_has "*\"series\":\"$series\"*"
unchanged 4
expect 0 dedup ls -R "$series"
cp "$OUT" listed
expect 0 dedup ls -R "$series~1"
cmp -s "$OUT" listed || run_fail "what is listed differs"
expect 0 dedup snapshots --json
! grep -q snap/ "$OUT" || run_fail "the path where it stood is kept"
[ "$(grep -c "\"paths\":\[{\"path\":\"$here/srv\"}\]" "$OUT")" = 2 ] || run_fail "paths"
expect 0 dedup restore "$series" --target back
same snap/www "back$here/srv/www"
[ ! -e "back$here/snap" ] || run_fail "it is restored where it stood"
[ "$(stat -c %h "back$here/srv/www/link")" = 2 ] || run_fail "a hard link"
mv snap/www srv/
expect 0 dedup snapshot "$here/srv" --json
unchanged 4

# Patterns, previews and troubles speak of the path that is kept.
expect 0 dedup snapshot srv --as-path /not/there -s other -e /not/there/www/cache \
    -e "$here/srv/www/one" -e '/srv/www/two.o'
expect 0 dedup ls -R other
out_has "*/not/there/www/one"
out_has "*/not/there/www/two.o"
! grep -q cache "$OUT" || run_fail "a pattern of the kept path does not count"
echo '.dedupignore of its own' >srv/www/.dedupignore
echo '/link' >>srv/www/.dedupignore
expect 0 dedup snapshot srv --as-path /not/there -s other --dry-run -v
out_has "+ /not/there/www/cache/three"
out_has "- /not/there/www/link" # what .dedupignore leaves out now
rm srv/www/.dedupignore
if [ "$(id -u)" = 0 ]; then
    chmod 0 srv/www/two.o srv/www/cache
    chmod 755 . srv srv/www
    mkdir -m 777 theirs
    expect 0 as_nobody dedup -r theirs/r --cache-dir theirs/c --key-file theirs/k init
    expect 3 as_nobody dedup -r theirs/r --cache-dir theirs/c --key-file theirs/k \
        snapshot srv --as-path /not/there
    err_has "dedup: snapshot: warning: /not/there/www/two.o: *Permission denied*"
    err_has "dedup: snapshot: warning: /not/there/www/cache: Permission denied"
    chmod 644 srv/www/two.o
    chmod 755 srv/www/cache
fi

# The root of a system.
expect 0 dedup snapshot srv --as-path / -s root
expect 0 dedup restore root --target whole
same srv whole
# A link is followed with a '/' behind it, as ever.
expect 1 dedup snapshot linked --as-path /x
err_is "dedup: snapshot: --as-path: $here/linked is no directory; with a '/' behind it, what that link leads to is meant"
expect 0 dedup snapshot linked/ --as-path /x
# The path itself is resolved as any path that is named.
expect 0 dedup snapshot there --as-path "$here/linked/www/../new" --json
out_has "*$(printf %s "$here/srv/new" | tr / - | cut -c 2-)*"

# The repository, and the cache, are left out there as well: by place here, and
# by the names that they have in the copy.
mkdir -p disk/srv copy/srv/backup/objects copy/srv/data
echo d >copy/srv/data/d
mkdir disk/srv/backup
mv repo disk/srv/backup/repo
mkdir copy/srv/backup/repo
echo old >copy/srv/backup/repo/config
expect 0 dedup -r disk/srv/backup/repo snapshot copy --as-path "$here/disk" -s all
expect 0 dedup -r disk/srv/backup/repo ls -R all
! grep -q 'backup/repo' "$OUT" || run_fail "the repository of a moment ago"
out_has "*$here/disk/srv/data/d"
expect 1 dedup -r disk/srv/backup/repo snapshot disk/srv/backup/repo/packs --as-path /x
err_like "*is inside the repository*"
mv disk/srv/backup/repo repo

# What cannot be.
expect 1 dedup snapshot srv there --as-path /x
err_is "dedup: snapshot: --as-path '/x': names one directory, not 2"
expect 1 dedup snapshot srv --as-path x/y
err_is "dedup: snapshot: --as-path 'x/y': not an absolute path"
expect 1 dedup snapshot srv/www/one --as-path /x
err_is "dedup: snapshot: --as-path: $here/srv/www/one is no directory"
expect 1 dedup snapshot nowhere --as-path /x
err_is "dedup: snapshot: $here/nowhere: no such file or directory"
expect 1 dedup snapshot srv --as-path "/$(printf '%0300d' 1)"
err_like "dedup: snapshot: --as-path: */0*1: not a canonical absolute path"
echo srv >list
expect 1 dedup snapshot --as-path /x --files-from list -s s
err_is "dedup: snapshot: --as-path names one directory: it does not go with --files-from"
expect 1 dedup snapshot --as-path /x --stdin y
err_like "*--as-path does not go with --stdin*"

# A job can say it.
cat >conf <<END
jobs:
  - name: srv
    paths: [ $here/snap ]
    as-path: $here/srv
    before: mv '$here/srv/www' '$here/snap/'
    after: mv '$here/snap/www' '$here/srv/'
    series: $series
END
expect 0 dedup snapshot "$here/srv"
expect 0 dedup --config conf snapshot --json
unchanged 4

# A copy of a file system, as LVM makes it: all is equal but the device.
command -v mkfs.ext4 >/dev/null || skip "mkfs.ext4 is not installed"
truncate -s 8M disk.img
expect 0 mkfs.ext4 -q disk.img
cat >frozen <<'END'
set -e
mount -o loop disk.img srv 2>/dev/null || exit 77
mkdir srv/www
echo one >srv/www/one
ln srv/www/one srv/www/link
echo two >srv/two
sync
sleep 0.1
"$DEDUP" snapshot -x "$PWD/srv" -s disk --json
fsfreeze -f srv
cp disk.img copy.img
fsfreeze -u srv
mount -o loop,ro,noload copy.img there
"$DEDUP" snapshot -x there --as-path "$PWD/srv" -s disk --json
"$DEDUP" restore disk --target disk.back
[ "$(stat -c %h "disk.back$PWD/srv/www/link")" = 2 ]
echo three >srv/two
umount there
"$DEDUP" restore disk --target / --overwrite always
[ "$(cat srv/two)" = two ]
umount srv
END
if ! unshare -m true 2>/dev/null; then
    skip "no right to mount"
fi
DEDUP=$DEDUP unshare -m sh frozen >"$OUT" 2>"$ERR"
code=$?
[ "$code" != 77 ] || skip "no right to mount an image"
[ "$code" = 0 ] || run_fail "a frozen copy: exit $code"
[ "$(sed -n 's/.*"unchanged_files":\([0-9]*\),.*/\1/p' "$OUT" | tr '\n' ' ')" = "0 3 " ] ||
    run_fail "it was read again on another device"
