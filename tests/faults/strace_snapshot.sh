#!/bin/sh
# strace_snapshot.sh DEDUP: watches all system calls of whole runs of init and
# snapshot in a repository and holds them to the order that survives a power
# cut: an object is fsynced after its last write and before it gets its name;
# packs, segment and snapshot are safe, with their directories, before the
# journal record that counts on them gets its name; all is safe when the
# program ends. (tests/store/strace_order.sh does this for each way of naming.)
set -eu
export LC_ALL=C
dedup=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
strace -o "$dir/probe" true 2>/dev/null ||
    { echo "skipped: strace cannot trace here"; exit 77; }

echo pass >"$dir/pass"
mkdir -p "$dir/src/a"
seq 1 20000 >"$dir/src/a/one"
head -c 3000000 /dev/urandom >"$dir/src/two"

# order ROOT LEAST: reads a trace, says what came too early. LEAST objects
# must have been named: a watcher that saw nothing has proven nothing.
order() {
    awk -v root="$1/" -v least="$2" '
    function fail(why) {
        print "line " NR ": " why ": " $0
        failed = 1
    }
    # the number of a descriptor as strace -y shows it: 5</the/path>
    function number(shown) { sub(/<.*/, "", shown); return shown }
    function where(shown) {
        sub(/^[0-9]*</, "", shown)
        sub(/>\)?$/, "", shown)
        return shown
    }
    # a call that another thread interrupts is shown in two lines: its effects
    # on others count from its beginning, its promises from its end
    {
        pid = $1
        line = $0
        sub(/^[0-9]+ +/, "", line)
        begins = 1
        ends = 1
        if (line ~ /<unfinished \.\.\.>$/) {
            sub(/ *<unfinished \.\.\.>$/, "", line)
            begun[pid] = line
            ends = 0
        } else if (line ~ /^<\.\.\. /) {
            sub(/^<\.\.\. [a-z0-9_]* resumed>/, "", line)
            line = begun[pid] line
            begins = 0
        }
        call = line
        sub(/\(.*/, "", call)
        args = line
        sub(/^[a-z0-9_]*\(/, "", args)
        sub(/\) *= .*/, "", args)
        n = split(args, a, /, /)
        for (i = 1; i <= n; i++) gsub(/"/, "", a[i])
        result = line
        sub(/.*\) *= /, "", result)
        good = ends && result !~ /^-1/
    }
    call == "openat" && good { dirty[number(result)] = 0 }
    (call == "write" || call == "pwrite64") && begins { dirty[number(a[1])] = 1 }
    call == "fsync" && good {
        dirty[number(a[1])] = 0
        delete unsafe[where(a[1])]
    }
    call == "mkdirat" && begins && a[2] != ".tmp" &&
        index(where(a[1]) "/", root) == 1 {
        unsafe[where(a[1])] = 1
    }
    call == "linkat" && begins && a[2] ~ /^\/proc\/self\/fd\// {
        fd = a[2]
        sub(/.*\//, "", fd)
        into = where(a[3])
        # .tmp holds what is not an object yet: it may vanish
        if (index(into "/", root) != 1 || into ~ /\/\.tmp$/) next
        if (dirty[fd]) fail("named before its fsync")
        if (into ~ /\/w\//)
            for (what in unsafe)
                if (what ~ /\/(packs|index|snapshots)/)
                    fail("a record counts on " what ", which is not safe")
        unsafe[into] = 1
        named++
    }
    # every other way to a name would go past this watcher
    (call == "renameat2" || call == "renameat" || call == "rename") && begins &&
        index(line, root) { fail("an unknown way to name an object") }
    END {
        for (what in unsafe) fail("at the end not safe: " what)
        if (named < least) fail("saw only " named + 0 " named")
        exit failed
    }' "$dir/trace" || {
        tail -n 2000 "$dir/trace" | cut -c1-300
        exit 1
    }
}

watch() {
    strace -f -y -s 200 -o "$dir/trace" \
        -e trace=openat,mkdirat,write,pwrite64,fsync,linkat,rename,renameat,renameat2 \
        "$@" >"$dir/out" 2>&1 || {
        cat "$dir/out"
        exit 1
    }
}

export DEDUP_CACHE_DIR="$dir/cache"
watch "$dedup" -r "$dir/repo" --passphrase-file "$dir/pass" init
order "$dir/repo" 3 # slot, config, first log record
watch "$dedup" -r "$dir/repo" --passphrase-file "$dir/pass" snapshot "$dir/src"
order "$dir/repo" 8 # two packs, segment, snapshot, four journal records
echo changed >"$dir/src/a/one"
watch "$dedup" -r "$dir/repo" --passphrase-file "$dir/pass" snapshot "$dir/src"
order "$dir/repo" 8
