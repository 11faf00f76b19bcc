#!/bin/sh
# What a header offers, the program calls: a function that only tests call is
# code that nobody needs, or has its reason in callers.table.
# shellcheck source=lint_lib.sh
. "$(dirname "$0")/lint_lib.sh"

# shellcheck disable=SC2086 # a list
lint_files $FOLDERS -- '*.h' >"$lint_scratch/headers"
# shellcheck disable=SC2086 # a list
lint_files $FOLDERS -- '*.c' '*.h' >"$lint_scratch/files"

# What each header offers: its stem's names in front of a "(", but for types.
while IFS= read -r f; do
    stem=$(basename "$f" .h)
    lint_strip "$f" | grep -v '^typedef ' |
        grep -oE "(^|[^_[:alnum:]])${stem}_[a-z0-9_]+\(" |
        sed "s/^[^_[:alnum:]]//; s,(\$, $f," | sort -u
done <"$lint_scratch/headers" >"$lint_scratch/offered"

# Each name that is used: prototypes and definitions begin in the first column,
# all else is indented, or stands in a macro.
while IFS= read -r f; do
    lint_strip "$f" | grep -E '^([[:space:]]|#[[:space:]]*define)' |
        sed 's/^#[[:space:]]*define[[:space:]]*[_[:alnum:]]*//'
done <"$lint_scratch/files" | grep -oE '[a-z][a-z0-9]*_[a-z0-9_]+' |
    sort -u >"$lint_scratch/used"

lint_table "$HERE/callers.table" | sort >"$lint_scratch/excused"
while read -r name file; do
    if grep -qxF -e "$name" "$lint_scratch/used"; then
        grep -qxF -e "$name" "$lint_scratch/excused" &&
            echo "tests/lint/callers.table: $name has a caller now"
    elif ! grep -qxF -e "$name" "$lint_scratch/excused"; then
        echo "$file: nothing but tests calls $name()"
    fi
done <"$lint_scratch/offered" >>"$FOUND"
cut -d' ' -f1 "$lint_scratch/offered" | sort >"$lint_scratch/names"
comm -13 "$lint_scratch/names" "$lint_scratch/excused" |
    sed 's,^,tests/lint/callers.table: nothing is called ,' >>"$FOUND"
lint_end
