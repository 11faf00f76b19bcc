# shellcheck shell=sh
# The system's configuration may be root's alone: for other users it is as if it
# were not there; one that a user names is another matter.
[ "$(id -u)" = 0 ] || skip "only root can shut others out"
mkdir etc
mount -t tmpfs etc etc 2>/dev/null || skip "nothing can be mounted here"
trap 'umount -l /etc etc; run_clean' EXIT
cp -a /etc/passwd /etc/group etc
mkdir -m 700 etc/dedup
echo 'repo: /nowhere/at/all' >etc/dedup/dedup.yaml
mount --bind etc /etc || skip "nothing can be mounted here"

expect 4 dedup snapshots
err_like "*/nowhere/at/all*"
# on DIR FILE: as both are shut
shut() {
    expect 1 as_nobody dedup snapshots
    err_like "dedup: snapshots: which repository? *"
    expect 1 as_nobody dedup snapshots -v
    err_has "dedup: snapshots: /etc/dedup/dedup.yaml: is not for this user, and does not count"
    expect 1 as_nobody dedup doctor
    out_has "ok    config: /etc/dedup/dedup.yaml: is not for this user, and does not count"
}
shut
chmod 755 etc/dedup
chmod 600 etc/dedup/dedup.yaml
shut
expect 1 as_nobody dedup snapshots --config /etc/dedup/dedup.yaml
err_has "dedup: snapshots: /etc/dedup/dedup.yaml: Permission denied"
mkdir -p x/dedup
cp etc/dedup/dedup.yaml x/dedup/dedup.yaml
chmod 711 "$PWD"
expect 1 as_nobody env XDG_CONFIG_HOME="$PWD/x" "$RUN_TMP/dedup" snapshots
err_has "dedup: snapshots: $PWD/x/dedup/dedup.yaml: Permission denied"
chmod 644 etc/dedup/dedup.yaml
expect 4 as_nobody dedup snapshots
