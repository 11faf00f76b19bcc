#!/bin/sh
# strace_order.sh PROGRAM: watches the system calls of store_exercise and holds
# them to the order that survives a power cut: a file is fsynced after its last
# write and before it gets its name, the directory after that, and only then is
# the object called safe. The same for directories made on the way, and for
# what was found there.
set -eu
export LC_ALL=C

program=$1
if ! strace -o /dev/null true 2>/dev/null; then
    echo "skipped: strace cannot trace here"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

for naming in 0 1 2; do
    strace -s 300 -o "$dir/trace" -e trace=openat,mkdirat,write,fsync,linkat,renameat2,close \
        "$program" "$dir/root$naming" "$naming" >"$dir/out"
    awk -v naming="$naming" '
    function fail(why) {
        print "naming " naming ", line " NR ": " why ": " $0
        failed = 1
    }
    function up(p) {
        sub(/\/[^\/]*$/, "", p)
        return p
    }
    # the path of name as seen from the directory descriptor fd
    function at(fd, name) {
        if (name ~ /^\//) return name
        if (name == ".") return path[fd]
        if (name == "..") return up(path[fd])
        return path[fd] "/" name
    }
    # a name came into being in directory d
    function appeared(d) {
        if (d !~ /\/\.tmp$/) unsafe[d] = 1
    }
    function name_it(file, d, leaf, result) {
        if (d ~ /\/\.tmp$/) return
        if (result == 0) {
            if (dirty[file]) fail("named before its fsync")
            appeared(d)
            named++
        } else {
            unsafe[d] = 1
            unsafe[d "/" leaf] = 1
            found++
        }
    }
    {
        call = $0
        sub(/\(.*/, "", call)
        args = $0
        sub(/^[a-z0-9]*\(/, "", args)
        n = split(args, a, /, /)
        for (i = 1; i <= n; i++) gsub(/"/, "", a[i])
        result = $0
        sub(/.*\) *= /, "", result)
        sub(/ .*/, "", result)
    }
    call == "openat" && result >= 0 {
        path[result] = at(a[1], a[2])
        file[result] = path[result]
        if (a[3] ~ /O_TMPFILE/) file[result] = "nameless " NR
    }
    call == "close" { fd = a[1]; sub(/\).*/, "", fd); delete path[fd]; delete file[fd] }
    call == "write" && a[1] > 2 { dirty[file[a[1]]] = 1 }
    call == "fsync" && result == 0 {
        fd = a[1]
        sub(/\).*/, "", fd)
        dirty[file[fd]] = 0
        delete unsafe[path[fd]]
    }
    call == "mkdirat" && result == 0 { appeared(up(at(a[1], a[2]))) }
    call == "linkat" {
        if (a[2] ~ /^\/proc\/self\/fd\//) {
            fd = a[2]
            sub(/.*\//, "", fd)
            name_it(file[fd], path[a[3]], a[4], result)
        } else name_it(at(a[1], a[2]), path[a[3]], a[4], result)
    }
    call == "renameat2" { name_it(at(a[1], a[2]), path[a[3]], a[4], result) }
    call == "write" && a[1] == 1 {
        told++
        for (what in unsafe) fail("told safe before the fsync of " what)
    }
    END {
        # a watcher that saw nothing has proven nothing
        if (named != 5 || found != 2 || told != 9)
            fail("saw " named " named, " found " found, " told " told")
        exit failed
    }' "$dir/trace" || {
        cat "$dir/trace"
        exit 1
    }
done
