# shellcheck shell=sh
# Does what docs/$DOC.md (or README.md) says, from its first line to its last,
# as root in a system of its own. In a document
#
#   ```sh        is run, all of it in one shell, and each command has to succeed
#                (one that ends in "|| [ $? = N ]", with N below 10, to fail so)
#   ```yaml ```ini   whose first line is "# /a/path" is written to that file
#   ```text      is only looked at
#   "    $ ..."  is run as ```sh is: a tour with what it prints
#
# and there are no other blocks. What a document takes for granted of a machine
# is set below.
# shellcheck source=../support/own_system.sh
. "$(dirname "$RUN_CASE")/../support/own_system.sh"
ROOT=$(dirname "$RUN_CASE")/../..
case $DOC in README) doc=$ROOT/README.md ;; *) doc=$ROOT/docs/$DOC.md ;; esac

# The document as a script.
awk -v name="$DOC.md" '
function at() {
    printf "echo \"%s:%d\" >>/tmp/at\n", name, NR
}
/^```/ && inside == "" {
    inside = substr($0, 4)
    if (inside !~ /^(sh|yaml|ini|text)$/) {
        print "echo \"" name ":" NR ": what kind of block is this?\" >>/tmp/at; exit 1"
        exit
    }
    at()
    first = 1
    next
}
/^```/ {
    if (file)
        print "END_OF_FILE"
    file = 0
    inside = ""
    next
}
inside == "sh" {
    sub(/\|\| \[ \$\? = [1-9] \]$/, "\\&\\& exit 1 &")
    print
    next
}
inside ~ /^(yaml|ini)$/ && first && /^# \// {
    printf "mkdir -p \"$(dirname %s)\"\ncat >%s <<\"END_OF_FILE\"\n", $2, $2
    file = 1
}
inside != "" {
    if (file)
        print
    first = 0
    next
}
/^    \$ / { at(); print substr($0, 7) }' "$doc" >script
grep -q '^dedup ' script || run_fail "$doc shows no command"

own_system
for dir in home root srv mnt media backup; do
    rm -rf "system/$dir"
    mkdir "system/$dir"
    mount -t tmpfs "$dir" "system/$dir"
done
rm -rf system/etc/dedup system/var/cache/dedup
expect 0 cmake --install "$(dirname "$DEDUP")/.." --prefix "$PWD/system/usr/local"
mkdir -p system/srv/www system/home/me system/usr/share/doc/zstd system/etc/cron.d
echo '<h1>It works</h1>' >system/srv/www/index.html
head -c 300000 /dev/urandom >system/srv/www/logo.png
echo 'Dear diary' >system/home/me/diary.txt
printf 'Format: https\nUpstream-Name: Zstd\n' >system/usr/share/doc/zstd/copyright
for program in pg_dump mysqldump sqlite3; do
    printf '#!/bin/sh\necho "-- %s $*"\n' $program >"system/usr/local/bin/$program"
    chmod 755 "system/usr/local/bin/$program"
done
# There is no LVM: what is frozen is /srv itself, which nobody changes.
for program in lvcreate lvremove; do
    printf '#!/bin/sh\n' >"system/usr/local/bin/$program"
done
printf '#!/bin/sh\nexec /bin/mount -o bind,ro /srv /mnt/frozen\n' >system/usr/local/bin/mount
chmod 755 system/usr/local/bin/lvcreate system/usr/local/bin/lvremove system/usr/local/bin/mount
# No systemd runs there: units are enabled, and started as what they run.
cat >system/usr/local/bin/systemctl <<'END'
#!/bin/sh
verb=$1
[ "$2" != --now ] || shift
shift
case $verb in
daemon-reload) ;;
enable) exec /usr/bin/systemctl enable "$@" ;;
start) unset HOME; eval "$(sed -n 's/^ExecStart=//p' "/usr/local/lib/systemd/system/$1")" ;;
*) exit 1 ;;
esac
END
chmod 755 system/usr/local/bin/systemctl
command -v systemctl >/dev/null || cp /bin/true system/usr/bin/systemctl
grep -q '^postgres:' system/etc/passwd ||
    echo 'postgres:x:998:998::/:/bin/sh' >>system/etc/passwd
grep -q '^postgres:' system/etc/group || echo 'postgres:x:998:' >>system/etc/group
sleep 0.1 # what changed just now is not taken for unchanged

cp script system/tmp/script
inside sh -eu /tmp/script >"$OUT" 2>"$ERR" </dev/null ||
    run_fail "after $(tail -n 1 system/tmp/at): a command failed"

# systemd takes what the document adds to its units.
if [ -d system/etc/systemd/system ] && command -v systemd-analyze >/dev/null; then
    for unit in snapshot.service snapshot.timer check.service check.timer; do
        expect 0 inside systemd-analyze verify --man=no --recursive-errors=no \
            "/usr/local/lib/systemd/system/dedup-$unit"
        ! grep -E '/dedup-[^:]*:[0-9]+:' "$ERR" || run_fail "systemd finds fault with it"
    done
fi
