# shellcheck shell=sh
# With the rights that the units leave to root everything is still backed up,
# owned by whomever, and restores as it was.
[ "$(id -u)" = 0 ] || skip "only root has rights to give up"
command -v setpriv >/dev/null || skip "setpriv is not installed"
units=$(dirname "$RUN_CASE")/../../packaging/systemd

# confined UNIT COMMAND...: with the capabilities and privileges of UNIT
confined() {
    held=$(sed -n 's/^CapabilityBoundingSet=//p' "$units/$1" |
        tr 'A-Z\n' 'a-z ' | sed 's/ *$//; s/^cap_/+/; s/ cap_/,+/g')
    grep -qx NoNewPrivileges=yes "$units/$1" || run_fail "$1 grants privileges"
    shift
    setpriv --bounding-set "-all,$held" --inh-caps=-all --no-new-privs "$@"
}

odd src
mkdir -m 0700 src/theirs
echo secret >src/theirs/file
chmod 0600 src/theirs/file
chown -R 65534:65534 src/theirs
new_repo repo
touch -d '2001-01-01' src/theirs/file
touch -a -d '2002-02-02' src/theirs/file
expect 0 confined dedup-snapshot.service "$DEDUP" snapshot --series all src
err_is
# Its access time is as it was: nobody's work leaves traces.
[ "$(stat -c %X src/theirs/file)" = "$(date -d 2002-02-02 +%s)" ] ||
    run_fail "reading changed an access time"
expect 0 dedup restore "latest:$PWD/src" --target out
restored src out

# A job's program may be another user's.
expect 0 confined dedup-snapshot.service "$DEDUP" snapshot --command who.txt -- \
    setpriv --reuid=65534 --regid=65534 --clear-groups id -u
expect 0 dedup cat latest:/who.txt
out_is 65534

expect 0 confined dedup-check.service "$DEDUP" check --read-data
err_is

# Without the one right that counts, it is not all of it: the test can fail.
expect 3 setpriv --bounding-set -all --inh-caps=-all "$DEDUP" snapshot src
