#!/bin/sh
# describe.sh DIR: what a restored tree is, line by line: type, mode, owner,
# size, time, name and target; contents; extended attributes; which names are
# one file; where files have holes is not told. The time of the top is not.
set -eu
cd "$1"
find . -mindepth 1 \( -type d -printf '%y %m %U:%G - %T@ %p\n' -o \
    -type l -printf '%y - %U:%G %s %T@ %p -> %l\n' -o \
    -printf '%y %m %U:%G %s %T@ %p\n' \) | LC_ALL=C sort
find . -type f -links +1 -printf '%i %p\n' | LC_ALL=C sort -k 2 |
    awk '{ if (!($1 in n)) n[$1] = ++k; i = $1; sub(/^[0-9]+ /, ""); print "one", n[i], $0 }'
find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
LC_ALL=C getfattr -Rhd -m - -e hex . 2>/dev/null | sed '/^$/d'
