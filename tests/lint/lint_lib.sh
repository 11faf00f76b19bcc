# What the lint tests share; sourced. Each is run as `sh lint_x.sh SOURCE BUILD`,
# prints one line per finding ("file:line: what") and exits 1 when there is one.
# shellcheck shell=sh

LC_ALL=C
export LC_ALL
SOURCE=${1:?the root of the source tree}
BUILD=${2:?the build directory}
HERE=$SOURCE/tests/lint
export SOURCE BUILD HERE
cd "$SOURCE" || exit 1

# The folders that make up the program, in the order of the arrows.
export FOLDERS='base chunker index store source repo fuse cli'

lint_scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$lint_scratch"' EXIT
FOUND=$lint_scratch/found
: >"$FOUND"

# lint_files FOLDER... -- PATTERN...: files below folders, by name, sorted
lint_files() {
    lint_roots=
    while [ "$1" != -- ]; do
        [ ! -e "$1" ] || lint_roots="$lint_roots $1"
        shift
    done
    shift
    lint_names=
    for lint_p; do
        lint_names="$lint_names${lint_names:+ -o} -name $lint_p"
    done
    set -f
    # shellcheck disable=SC2086 # lists of words, split on purpose
    find $lint_roots \( -name 'build*' -o -name .git -o -name corpus \) -prune \
        -o -type f \( $lint_names \) -print | sed 's,^\./,,' | sort
    set +f
}

# lint_strip FILE: the C file without its comments, line numbers kept
lint_strip() {
    awk '
    {
        line = $0; kept = ""
        while (line != "") {
            if (inside) {
                at = index(line, "*/")
                if (at == 0) { line = ""; break }
                line = substr(line, at + 2); inside = 0
            } else if (match(line, /"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047|\/\*|\/\//)) {
                what = substr(line, RSTART, RLENGTH)
                kept = kept substr(line, 1, RSTART - 1)
                line = substr(line, RSTART + RLENGTH)
                if (what == "//") line = ""
                else if (what == "/*") inside = 1
                else kept = kept what
            } else { kept = kept line; line = "" }
        }
        print kept
    }' "$1"
}

# lint_need TOOL: skip this test, saying why, where it is not installed
lint_need() {
    command -v "$1" >/dev/null 2>&1 && return
    echo "skipped: $1 is not installed (tools/packages lists it)"
    exit 77
}

# lint_table FILE: rows of a table without comments and blank lines
lint_table() {
    sed 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' "$1"
}

# lint_end: the verdict over $FOUND
lint_end() {
    if [ -s "$FOUND" ]; then
        cat "$FOUND"
        exit 1
    fi
    exit 0
}
