#!/bin/sh
# Gates: a function has at most 80 lines and a complexity of 20, a file at most
# 800 lines. size.table names the exceptions.
# shellcheck source=lint_lib.sh
. "$(dirname "$0")/lint_lib.sh"
lint_need pmccabe

LINES_MAX=80 COMPLEXITY_MAX=20 FILE_MAX=800
# shellcheck disable=SC2086 # a list
lint_files $FOLDERS tests bench -- '*.c' '*.h' >"$lint_scratch/files"
lint_table "$HERE/size.table" | awk '{print $1}' | sort >"$lint_scratch/allow"

{
    xargs wc -l <"$lint_scratch/files" | awk -v max=$FILE_MAX '
        $2 != "total" && $1 > max { print $2 " has " $1 " lines" }'
    # columns: modified complexity, traditional, statements, first line,
    # lines, file(line): function
    grep '\.c$' "$lint_scratch/files" | xargs pmccabe |
        awk -v lines=$LINES_MAX -v complex=$COMPLEXITY_MAX '
        {
            file = $6; sub(/\([0-9]+\):$/, "", file)
            if ($5 > lines) print file ":" $7 " has " $5 " lines"
            if ($1 > complex) print file ":" $7 " has a complexity of " $1
        }'
} >"$lint_scratch/over"

awk '{print $1}' "$lint_scratch/over" | sort -u >"$lint_scratch/over_names"
comm -13 "$lint_scratch/over_names" "$lint_scratch/allow" |
    sed 's/^/size.table: not needed any more: /' >>"$FOUND"
awk -v allow="$lint_scratch/allow" '
    BEGIN { while ((getline row < allow) > 0) ok[row] = 1 }
    !($1 in ok)' "$lint_scratch/over" >>"$FOUND"
lint_end
