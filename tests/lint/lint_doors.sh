#!/bin/sh
# The doors of doors.table: some calls are made in one place only.
# shellcheck source=lint_lib.sh
. "$(dirname "$0")/lint_lib.sh"

# shellcheck disable=SC2086 # a list
lint_files $FOLDERS -- '*.c' '*.h' >"$lint_scratch/files"
while IFS= read -r f; do
    lint_strip "$f" | awk -v file="$f" '!/^[ \t]*#/ {
        gsub(/"([^"\\]|\\.)*"/, "\"\""); print file ":" NR ":" $0 }'
done <"$lint_scratch/files" >"$lint_scratch/code"

# A call: the name, not part of a longer one nor a member, then "(".
lint_table "$HERE/doors.table" |
    while IFS="$(printf '\t')" read -r calls allowed why; do
        grep -E "(^|[^_[:alnum:].>])($calls)\(" "$lint_scratch/code" |
            while IFS=: read -r file line text; do
                set -f
                for pattern in $allowed; do
                    # shellcheck disable=SC2254 # a pattern on purpose
                    case $file in $pattern) continue 2 ;; esac
                done
                set +f
                # a prototype or definition of our own is no call
                echo "$file:$line: $(echo "$text" | sed 's/^ *//') -- $why"
            done
    done >>"$FOUND"
lint_end
