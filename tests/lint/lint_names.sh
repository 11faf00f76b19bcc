#!/bin/sh
# File names are unique in the tree; an external symbol starts with the stem
# of its file, or of a header that this name extends: jail_place.c is a part of
# what jail.h declares. Symbols are those of the built libraries.
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
# A row that is not needed any more is a finding: the table only shrinks.
# shellcheck disable=SC2086 # a list
lint_files $FOLDERS tests -- '*.h' | sed 's,.*/,,; s/\.h$//' \
    >"$lint_scratch/headers"
# Other builds may lie below this one.
libraries=$(find "$BUILD" \( -path "$BUILD/test-*" -o \
    -path "$BUILD/quickstart" \) -prune -o -name 'libdedup_*.a' -print | sort)
if [ -z "$libraries" ]; then
    echo "no libraries in $BUILD: build first"
    exit 1
fi
# shellcheck disable=SC2086 # a list
nm -A --defined-only --extern-only $libraries 2>/dev/null |
    awk -v allow="$lint_scratch/allow" -v headers="$lint_scratch/headers" '
    BEGIN {
        while ((getline row < allow) > 0) {
            split(row, w, " ")
            ok[w[1]] = ok[w[1]] " " w[2]
            unused[w[1] " " w[2]] = 1
        }
        while ((getline row < headers) > 0) header[row] = 1
    }
    function extends(stem, symbol,    part) {
        for (part = stem; part != ""; ) {
            if (part in header && index(symbol, part "_") == 1) return 1
            if (!sub(/_[^_]*$/, "", part)) return 0
        }
    }
    NF == 3 {
        n = split($1, part, ":")
        stem = part[n - 1]
        sub(/\.c\.o$/, "", stem)
        symbol = $NF
        if (symbol ~ /^__/ || symbol == "main") next # the sanitizers
        if (symbol == stem || index(symbol, stem "_") == 1) next
        if (extends(stem, symbol)) next
        m = split(ok[stem], prefix, " ")
        for (i = 1; i <= m; i++) if (index(symbol, prefix[i]) == 1) {
            delete unused[stem " " prefix[i]]
            next
        }
        print stem ".c: symbol " symbol " does not start with " stem "_"
    }
    END { for (u in unused) print "names.table: not needed any more: " u }' | sort -u >>"$FOUND"
lint_end
