#!/bin/sh
# clang-format decides the layout of C; no trailing blanks, no left-over marks,
# one newline at the end, anywhere.
# shellcheck source=lint_lib.sh
. "$(dirname "$0")/lint_lib.sh"
lint_need clang-format

# shellcheck disable=SC2086 # a list
lint_files $FOLDERS tests bench -- '*.c' '*.h' >"$lint_scratch/c"
xargs clang-format --dry-run <"$lint_scratch/c" 2>&1 |
    grep -E '^[^ ].*: (warning|error): ' >>"$FOUND"

lint_files . -- '*.c' '*.h' '*.def' '*.sh' '*.md' '*.txt' '*.cmake' '*.1' \
    '*.table' '*.py' '*.pml' >"$lint_scratch/text"
marks='TO''DO|FIX''ME|XX''X|HA''CK'
while IFS= read -r f; do
    grep -nE '[[:space:]]+$' "$f" | sed "s,^\([0-9]*\):.*,$f:\1: blank at the end of the line,"
    grep -nwE "$marks" "$f" | sed "s,^\([0-9]*\):.*,$f:\1: a left-over mark,"
    [ -z "$(tail -c1 "$f")" ] || echo "$f: no newline at the end"
done <"$lint_scratch/text" >>"$FOUND"
lint_end
