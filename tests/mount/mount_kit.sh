# shellcheck shell=sh
# Words for cases about mounts, besides those of tests/cli/run_case.sh:
#
#   mounted DIR [ARG...]   make DIR, mount on it; the ARGs stand before DIR
#   unmounted DIR          unmount it; its program must end
#   served DIR             prints the pid of the program behind a mount
#   soon COMMAND...        the command succeeds within ten seconds
[ "$(id -u)" = 0 ] || skip "only root may mount here"
[ -c /dev/fuse ] || skip "there is no /dev/fuse"

# What a sanitizer says of a program in the background must be found.
for mount_v in ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS; do
    eval "export $mount_v=\"\${$mount_v:+\$$mount_v:}log_path=$PWD/../io/san\""
done

soon() {
    mount_n=0
    until "$@" >"$OUT" 2>"$ERR"; do
        mount_n=$((mount_n + 1))
        [ "$mount_n" -lt 200 ] || run_fail "in vain: $*"
        sleep 0.05
    done
}

mounted() {
    mount_d=$1
    shift
    mkdir -p "$mount_d"
    expect 0 dedup mount "$@" "$mount_d"
    out_is
    err_is
    mountpoint -q "$mount_d" || run_fail "$mount_d: nothing is mounted"
}

served() {
    for mount_p in /proc/[0-9]*; do
        [ "$(readlink "$mount_p/ns/mnt" 2>/dev/null)" = \
            "$(readlink /proc/self/ns/mnt)" ] || continue
        tr '\0' '\n' <"$mount_p/cmdline" 2>/dev/null | grep -qx mount &&
            tr '\0' '\n' <"$mount_p/cmdline" | tail -n 1 | grep -qx "$1" &&
            echo "${mount_p#/proc/}"
    done
}

mount_is_over() {
    [ -z "$(served "$1")" ]
}

unmounted() {
    umount "$1" || run_fail "$1: cannot be unmounted"
    soon mount_is_over "$1"
    for mount_f in ../io/san.*; do
        [ ! -s "$mount_f" ] || run_fail "$(head -c 4000 "$mount_f")"
    done
}
