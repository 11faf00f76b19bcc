# shellcheck shell=sh
# What a mount shows, and to whom.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

mkdir src
echo one >src/f
chmod 600 src/f
echo two >src/setuid
ln -s /etc/hostname src/out
ln -s f src/in
chown 1234:5678 src/f src/setuid
chmod 4755 src/setuid
new_repo repo
expect 0 dedup snapshot -s s src

# Links out of the mount as text, which can be read, copied and searched.
mounted mnt --no-follow-out "s:$PWD/src"
expect 0 find mnt -name out -type f
out_is mnt/out
[ "$(cat mnt/out)" = /etc/hostname ] || run_fail "the text of a link"
[ "$(stat -c '%F %s %a' mnt/out)" = 'regular file 13 444' ] ||
    run_fail "$(stat -c '%F %s %a' mnt/out)"
[ -L mnt/in ] || run_fail "a link that stays inside became text"
expect 0 cp --sparse=always mnt/out copied
[ "$(cat copied)" = /etc/hostname ] || run_fail "a copy of the text"
expect 0 tar -C mnt -S -cf text.tar out
expect 0 tar -xOf text.tar out
[ "$(cat "$OUT")" = /etc/hostname ] || run_fail "the text in a tar"
unmounted mnt
mounted mnt "s:$PWD/src"
[ "$(readlink mnt/out)" = /etc/hostname ] || run_fail "a link"
[ "$(stat -c '%u %g %a' mnt/setuid)" = '1234 5678 4755' ] ||
    run_fail "$(stat -c '%u %g %a' mnt/setuid)"
unmounted mnt

# All as ours; set-id bits would be ours, too.
mounted mnt --owner-me "s:$PWD/src"
[ "$(stat -c '%u %g %a' mnt/setuid)" = '0 0 755' ] ||
    run_fail "$(stat -c '%u %g %a' mnt/setuid)"
unmounted mnt

# Others come in when they are let, as far as modes do.
mounted mnt "s:$PWD/src"
as_nobody cat mnt/setuid >"$OUT" 2>"$ERR" && run_fail "others came in"
unmounted mnt
mounted mnt --allow-other "s:$PWD/src"
expect 0 as_nobody cat mnt/setuid
expect 1 as_nobody cat mnt/f
err_has '*Permission denied*'
unmounted mnt

# From where it was started, nothing else is kept: no directory, no descriptor.
mkdir lower
(
    cd lower || exit 1
    exec 9>lock
    flock 9
    DEDUP_REPO=../repo DEDUP_CACHE_DIR=../repo.cache DEDUP_KEY_FILE=../repo.key \
        "$DEDUP" mount ../mnt
) || run_fail "mount from elsewhere"
expect 0 flock -n lower/lock true
echo more >src/more
expect 0 dedup snapshot -s later src
soon test -f "mnt/by-series/later/latest$PWD/src/more"
unmounted mnt

# Whoever waits for it can be told to stop.
env "DEDUP_PASSPHRASE_COMMAND=sleep 20; echo x" DEDUP_KEY_FILE= "$DEDUP" \
    mount mnt >"$OUT" 2>"$ERR" &
pid=$!
sleep 0.5
kill "$pid"
soon sh -c "! kill -0 $pid"
wait "$pid"
[ $? = 143 ] || run_fail "it was not told"
mountpoint -q mnt && run_fail "mounted all the same"
true
