#!/bin/sh
# strace_restore.sh DEDUP: what the kernel is asked for. During a restore no
# path with a slash is resolved below the target but through openat2 (which is
# told to stay beneath) or /proc/self/fd; during a snapshot no secret is in any
# argv, nor in the environment of a program that is started.
set -eu
dedup=$1
command -v strace >/dev/null || { echo "skipped: no strace"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
strace -o "$dir/probe" true 2>/dev/null ||
    { echo "skipped: strace is not allowed"; exit 77; }

# Built at run time: neither is in a file that is read, nor in our own argv.
secret=$(printf 's3cret-%s' "$(date +%s)")
printf '%s' "$secret" >"$dir/pass"
export DEDUP_REPO="$dir/repo" DEDUP_CACHE_DIR="$dir/cache"
mkdir -p "$dir/src/a/b c/d" "$dir/src/e"
echo one >"$dir/src/a/b c/d/one"
ln "$dir/src/a/b c/d/one" "$dir/src/e/two"
ln -s ../../../../../etc "$dir/src/a/up"
head -c 3000000 /dev/urandom >"$dir/src/e/large"
mkfifo "$dir/src/e/fifo"
setfattr -n user.x -v y "$dir/src/a" 2>/dev/null || true

fail() {
    echo "$1"
    exit 1
}

# The environment variable is taken out before anything is started; a command
# that gives the passphrase sees none of it.
command="test -z \"\${DEDUP_PASSPHRASE-}\" && cat '$dir/pass'"
"$dedup" --passphrase-file "$dir/pass" init
DEDUP_PASSPHRASE=$secret strace -f -v -s 4096 -e trace=execve -o "$dir/s1" \
    "$dedup" -q --passphrase-command "$command" snapshot "$dir/src" ||
    fail "the snapshot failed: is the passphrase in the child's environment?"
# the first line is the start of dedup itself, with what we gave it
sed 1d "$dir/s1" >"$dir/s2"
grep -q execve "$dir/s2" || fail "no program was started: nothing is proven"
grep -qF "$secret" "$dir/s2" && fail "a child was given the secret"
sed -n 1p "$dir/s1" | sed 's/\], \[.*//' | grep -qF "$secret" &&
    fail "the secret is in argv"

out=$dir/target
mkdir "$out"
strace -f -y -s 4096 -e trace=%file,%desc -o "$dir/r" \
    "$dedup" -q --passphrase-file "$dir/pass" restore latest \
    --target "$out" >/dev/null
cmp "$dir/src/e/large" "$out$dir/src/e/large" || fail "it did not restore"

# Calls that name something below the target, by its path or relative to a
# descriptor that strace shows as <TARGET...>. The target itself is opened by
# its path, once.
grep -aE '^[0-9]+ +(open|openat|openat2|stat|lstat|newfstatat|statx|mkdir|mkdirat|mknod|mknodat|link|linkat|symlink|symlinkat|rename|renameat|renameat2|unlink|unlinkat|chmod|fchmodat|chown|lchown|fchownat|utimensat|setxattr|lsetxattr|getxattr|lgetxattr|listxattr|llistxattr|removexattr|lremovexattr|readlink|readlinkat|access|faccessat|faccessat2|truncate)\(' \
    "$dir/r" >"$dir/calls"
grep -aqE '^[0-9]+ +f?chdir\(' "$dir/r" && fail "it changes its directory"
# absolute paths below the target
awk -v out="$out" '
    index($0, "\"" out "/") { print; bad = 1 }
    END { exit !bad }' "$dir/calls" >"$dir/bad" &&
    fail "a path below the target: $(head -3 "$dir/bad")"
# relative ones with a slash, from a descriptor in the target
awk -v out="$out" '
    index($0, "<" out) == 0 { next }
    {
        n++
        line = $0
        call = line; sub(/^[0-9]+ +/, "", call); sub(/\(.*/, "", call)
        if (call == "openat2") {
            if (line !~ /RESOLVE_BENEATH/) { print "openat2: " $0; bad = 1 }
            next
        }
        # the first string behind a descriptor of the target; what symlinkat
        # writes is not resolved
        while (match(line, /[0-9]+<[^>]*>, "[^"]*"/)) {
            arg = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART + RLENGTH)
            if (index(arg, "<" out) == 0) continue
            name = arg; sub(/^[^"]*"/, "", name); sub(/"$/, "", name)
            if (name ~ /\// && name !~ /^\/proc\/self\/fd\/[0-9]+$/) {
                print; bad = 1
            }
        }
    }
    END {
        if (n < 20) { print "only " n " calls seen"; bad = 1 }
        exit !bad
    }' "$dir/calls" >"$dir/bad" &&
    fail "a path is resolved below the target: $(head -3 "$dir/bad")"
echo "restore: $(grep -acF "<$out" "$dir/calls") calls below the target," \
    "none resolves a path"
