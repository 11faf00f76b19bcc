# shellcheck shell=sh
# The Debian package: built, looked at, installed, used, removed and purged in a
# system of its own, which is then what it was before.
# shellcheck source=../support/own_system.sh
. "$(dirname "$RUN_CASE")/../support/own_system.sh"
BUILD=$(dirname "$DEDUP")/..
for tool in dpkg-deb dpkg-shlibdeps cpack; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done
! grep -q '^DEDUP_SANITIZE:STRING=.' "$BUILD/CMakeCache.txt" ||
    skip "a sanitizer build is not packaged"

expect 0 cpack -G DEB --config "$BUILD/CPackConfig.cmake" -B "$PWD/deb"
set -- deb/*.deb
[ $# = 1 ] || run_fail "not one package: $*"
deb=$1

# What it says of itself.
field() {
    dpkg-deb -f "$deb" "$1"
}
[ "$(field Package)" = dedup ] || run_fail "the name is $(field Package)"
[ "$(field Version)" = "$(dedup version | sed 's/^dedup //; q')" ] ||
    run_fail "the version is $(field Version)"
[ "$(field Section)" = admin ] || run_fail "the section is $(field Section)"
[ "$(field Architecture)" = "$(dpkg --print-architecture)" ] ||
    run_fail "the architecture is $(field Architecture)"
vectors=
! dedup version -v | grep -q '^ipsec-mb  *[0-9]' || vectors=libipsec-mb1
for lib in $vectors libc6 liblmdb0 libsodium23 libssl3 libzstd1 libqrencode4 libyaml-0-2 libfuse3-3 zlib1g; do
    case ", $(field Depends)," in *", $lib ("*|*", $lib,"*) ;; *)
        run_fail "it does not depend on $lib: $(field Depends)"
        ;;
    esac
done

# What is in it: these, and directories above them, all of them root's.
expect 0 dpkg-deb -c "$deb"
awk '$1 !~ /^d/ { print $1, $2, $6 }' "$OUT" | sort >held
{
    echo "-rwxr-xr-x root/root ./usr/bin/dedup"
    echo "lrwxrwxrwx root/root ./usr/sbin/mount.dedup"
    for page in "$(dirname "$RUN_CASE")"/../../docs/man/*.1; do
        echo "-rw-r--r-- root/root ./usr/share/man/man1/$(basename "$page")"
    done
    for name in README.md CHANGELOG.md dedup.yaml.example \
        hooks-that-mount.conf.example; do
        echo "-rw-r--r-- root/root ./usr/share/doc/dedup/$name"
    done
    echo "-rw-r--r-- root/root ./usr/share/bash-completion/completions/dedup"
    echo "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/dedup.fish"
    echo "-rw-r--r-- root/root ./usr/share/zsh/site-functions/_dedup"
    for unit in snapshot.service snapshot.timer check.service check.timer; do
        echo "-rw-r--r-- root/root ./usr/lib/systemd/system/dedup-$unit"
    done
} | sort >wanted
same wanted held

own_system
cp "$deb" system/tmp/dedup.deb
rm -rf system/etc/dedup system/backup system/var/cache/dedup
# What is made and removed there: directories that are only copied do not count,
# nor what dpkg and systemd write down of their own.
notes='^/var/(lib/dpkg|log|cache/debconf|cache/man|lib/systemd)(/|$)'
names() {
    changed_names all
    while IFS= read -r name; do
        if [ ! -d "system$name" ] || [ ! -d "$name" ]; then
            echo "$name"
        fi
    done <all | grep -Ev "$notes" >"$1"
}
names before
expect 0 inside dpkg -i /tmp/dedup.deb
expect 0 inside dedup version
expect 0 inside dpkg --audit
expect 0 inside dpkg --verify dedup
out_is

# It works from where it lies.
expect 0 inside sh -c 'mkdir -p /etc/dedup /backup /etc/systemd/system &&
    cp /usr/share/doc/dedup/dedup.yaml.example /etc/dedup/dedup.yaml &&
    sed -i "s,^    paths: .*,    paths: [ /etc ]," /etc/dedup/dedup.yaml &&
    umask 077 && head -c 18 /dev/urandom | base64 >/etc/dedup/passphrase &&
    dedup init && dedup snapshot --all-jobs &&
    dedup restore latest:/etc --target /tmp/etc && diff -r --no-dereference /etc /tmp/etc &&
    dedup check --read-data'
[ -d system/var/cache/dedup ] || run_fail "where is root's cache?"
if command -v systemctl >/dev/null; then
    expect 0 inside systemctl enable dedup-snapshot.timer dedup-check.timer
    [ -L system/etc/systemd/system/timers.target.wants/dedup-snapshot.timer ] ||
        run_fail "the timer was not enabled"
fi

# Removed: configuration, passphrase, repository and cache are there, and no
# timer is left that would start nothing.
expect 0 inside dpkg --remove dedup
expect 127 inside sh -c dedup
for kept in /etc/dedup/passphrase /backup/srv/config /var/cache/dedup; do
    [ -e "system$kept" ] || run_fail "the removal took $kept"
done
[ ! -L system/etc/systemd/system/timers.target.wants/dedup-snapshot.timer ] ||
    run_fail "the timer is still enabled"
expect 0 inside dpkg --purge dedup
[ -e system/etc/dedup/passphrase ] || run_fail "the purge took the passphrase"
[ ! -e system/var/cache/dedup ] || run_fail "the purge left the cache"

# Nothing is left but what this case itself has made.
rm -rf system/etc/dedup system/backup
names after
same before after
