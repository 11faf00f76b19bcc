#!/bin/sh
# The include graph: arrows point one way, each third-party header has one
# room, guards carry the name of their file.
# shellcheck source=lint_lib.sh
. "$(dirname "$0")/lint_lib.sh"

# shellcheck disable=SC2086 # a list
lint_files $FOLDERS tests bench -- '*.c' '*.h' '*.def' >"$lint_scratch/files"
lint_table "$HERE/includes.table" >"$lint_scratch/arrows"
lint_table "$HERE/thirdparty.table" >"$lint_scratch/third"

while IFS= read -r f; do
    lint_strip "$f" | awk -v file="$f" '/^[ \t]*#[ \t]*include/ {
        print file ":" NR " " $0 }'
done <"$lint_scratch/files" >"$lint_scratch/includes"

awk -v arrows="$lint_scratch/arrows" -v third="$lint_scratch/third" '
function folder(path) {
    if (path ~ /^repo\/job\//) return "repo/job"
    sub(/\/.*/, "", path)
    return path
}
BEGIN {
    while ((getline row < arrows) > 0) {
        n = split(row, word, /:? +|:/)
        for (i = 2; i <= n; i++) may[word[1], word[i]] = 1
        known[word[1]] = 1
    }
    while ((getline row < third) > 0) {
        colon = match(row, /: /)
        prefix[substr(row, 1, colon - 1)] = " " substr(row, colon + 2) " "
    }
}
{
    split($1, at, ":")
    from = folder(at[1])
    if (!match($0, /[<"][^>"]*[>"]/)) next
    kind = substr($0, RSTART, 1)
    name = substr($0, RSTART + 1, RLENGTH - 2)
    if (kind == "<") {
        for (p in prefix)
            if (index(name, p) == 1 && index(prefix[p], " " from " ") == 0)
                print $1 ": <" name "> belongs to" prefix[p] "only"
        next
    }
    if (name !~ /\//) { print $1 ": include \"" name "\" from the root"; next }
    if ((getline line < name) < 0) print $1 ": there is no " name
    close(name)
    to = folder(name)
    if (!(to in known)) print $1 ": unknown folder " to
    else if (from != to && !((from, to) in may))
        print $1 ": " from " must not include " name
}' "$lint_scratch/includes" >>"$FOUND"

# A template, included once by each file that fills it in, has no guard.
templates='base/blake3_lanes.h'

grep '\.h$' "$lint_scratch/files" | grep -vxF "$templates" | while IFS= read -r f; do
    guard=$(echo "$f" | tr 'a-z./-' 'A-Z___')
    # shared by tests: the folder "tests" is dropped
    short=${guard#TESTS_}
    grep -qxE "#ifndef ($guard|$short)" "$f" ||
        echo "$f:1: no include guard $guard"
done >>"$FOUND"
lint_end
