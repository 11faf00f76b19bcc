#!/bin/sh
# File names are unique in the tree; an external symbol starts with the stem
# of its file. Symbols are those of the built libraries.
# shellcheck source=lint_lib.sh
. "$(dirname "$0")/lint_lib.sh"

# shellcheck disable=SC2086 # a list
lint_files $FOLDERS tests bench -- '*.c' '*.h' |
    awk -F/ '{
        stem = $NF; sub(/\.[ch]$/, "", stem)
        dir = $0; sub(/\/[^\/]*$/, "", dir)
        if (stem in home && home[stem] != dir)
            print $0 ":1: there is a " stem " in " home[stem] " too"
        home[stem] = dir
    }' >>"$FOUND"

lint_need nm
lint_table "$HERE/names.table" >"$lint_scratch/allow"
libraries=$(find "$BUILD" -name 'libdedup_*.a' | sort)
if [ -z "$libraries" ]; then
    echo "no libraries in $BUILD: build first"
    exit 1
fi
# shellcheck disable=SC2086 # a list
nm -A --defined-only --extern-only $libraries 2>/dev/null |
    awk -v allow="$lint_scratch/allow" '
    BEGIN { while ((getline row < allow) > 0) { split(row, w, " ")
        ok[w[1]] = ok[w[1]] " " w[2] } }
    NF == 3 {
        n = split($1, part, ":")
        stem = part[n - 1]
        sub(/\.c\.o$/, "", stem)
        symbol = $NF
        if (symbol ~ /^__/ || symbol == "main") next # the sanitizers
        if (symbol == stem || index(symbol, stem "_") == 1) next
        m = split(ok[stem], prefix, " ")
        for (i = 1; i <= m; i++) if (index(symbol, prefix[i]) == 1) next
        print stem ".c: symbol " symbol " does not start with " stem "_"
    }' | sort -u >>"$FOUND"
lint_end
