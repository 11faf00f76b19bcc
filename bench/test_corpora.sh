#!/bin/sh
# The same seed gives the same corpus: names, types, modes, times, content.
#     test_corpora.sh CORPUS_MAKE
set -eu
corpus_make=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tree_sum() { # DIR
    {
        (cd "$1" && find . -printf '%p %y %m %T@ %l\n' | LC_ALL=C sort)
        (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum)
    } | sha256sum | cut -d' ' -f1
}

is() { # SUM WHAT DIR
    got=$(tree_sum "$3")
    [ "$got" = "$1" ] || {
        echo "$2 is $got, should be $1"
        exit 1
    }
}

umask 077 # modes are the corpus's own
mkdir -m 755 "$work/small" "$work/noise"
"$corpus_make" small "$work/small" 2 400
is f0811eac7c00363a455e2607d5735568a4fb9a071f63350fc040c005cfc70c94 "small, version 1" "$work/small"
for version in 2 3 4; do
    "$corpus_make" edit "$work/small" 3 $version >"$work/edits"
    [ "$(cat "$work/edits")" = "version $version edited 5 added 1 moved 1 removed 1 directories-moved 1" ]
done
is 152da6c12351bd969ed3a385e4ae749f6b45138c3656d5dbe85d1fc4928f38da "small, version 4" "$work/small"

# longer than the buffers of both, and no multiple of them
"$corpus_make" noise "$work/noise" 1 3000001
is 0f3d61121e6396d9091394af4157ab41fc76ed1fa55873394f4fc2a26daa1008 "noise, version 1" "$work/noise"
"$corpus_make" edit "$work/noise" 3 2 >"$work/edits"
is 9bddb6c38f26c8cc209f1171002732f9b8c7be997b392d7562bbce16fa6f948a "noise, version 2" "$work/noise"

mkdir -m 755 "$work/other" "$work/again"
"$corpus_make" small "$work/other" 3 400
"$corpus_make" small "$work/again" 2 400
[ "$(tree_sum "$work/again")" != "$(tree_sum "$work/other")" ]

# nothing to edit, and usage
mkdir "$work/empty"
code=0
"$corpus_make" edit "$work/empty" 3 2 2>"$work/log" || code=$?
[ $code = 1 ]
for bad in "edit $work/small 3 1" "small $work/empty 3 0" "small $work/empty 3 x" "other $work/empty 1 1"; do
    code=0
    # shellcheck disable=SC2086 # words
    "$corpus_make" $bad 2>"$work/log" || code=$?
    [ $code = 2 ]
done
