# A system of its own for a case: this machine's files as a base, all changes
# in memory and gone with the case. Sourced by cases that run_case.sh runs:
#
#   own_system            make it, in $SYSTEM
#   inside COMMAND...     run it there, as root, HOME=/root
#   changed_names FILE    the names of all that was made, changed or removed
#                         there since, sorted, into FILE
#
# Needs root, mount namespaces and overlayfs; the case is skipped without them.
# shellcheck shell=sh

own_system() {
    [ "$(id -u)" = 0 ] || skip "only root can make a system of its own"
    SYSTEM=$PWD/system
    mkdir system layers
    mount -t tmpfs layers layers 2>/dev/null ||
        skip "nothing can be mounted here"
    trap 'umount -lR system; umount -l layers; run_clean' EXIT
    mkdir layers/upper layers/work
    # other file systems than that of / are not in it
    mount -t overlay -o "lowerdir=/,upperdir=$PWD/layers/upper,workdir=$PWD/layers/work" \
        system system 2>/dev/null || skip "overlayfs cannot be mounted here"
    [ -e system/usr/bin/env ] || skip "/usr is not on the file system of /"
    mount -t proc proc system/proc
    mount --rbind /dev system/dev
    mount -t tmpfs run system/run
    mount -t tmpfs tmp system/tmp
}

inside() {
    env -i HOME=/root LC_ALL=C TZ=UTC TERM=dumb USER=root LOGNAME=root \
        DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        chroot "$SYSTEM" "$@"
}

changed_names() {
    (cd layers/upper && find . -mindepth 1 | sed 's,^\.,,' | sort) >"$1"
}
