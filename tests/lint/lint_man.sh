#!/bin/sh
# Man pages: mandoc has nothing to say, and they tell of exactly the commands,
# options and variables that the option table has.
# shellcheck disable=SC2129 # findings are collected step by step
# shellcheck source=lint_lib.sh
. "$(dirname "$0")/lint_lib.sh"
lint_need mandoc
lint_need jq

PAGES=docs/man
for f in "$PAGES"/*.1; do
    mandoc -Tlint -W warning "$f"
done >>"$FOUND"

"$BUILD/cli/dedup" help --json >"$lint_scratch/table" || {
    echo "$BUILD/cli/dedup cannot run: build first"
    exit 1
}

# "page letter name has-argument" for each option, "-" where it has no letter.
jq -r 'select(.type == "option") | . as $o
    | (if .global then ["dedup"] else [.commands[] | "dedup-" + .] end)[]
    | "\(.) \($o.letter // "-") \($o.name) \($o.argument != null)"' \
    "$lint_scratch/table" | sort >"$lint_scratch/want"
for f in "$PAGES"/*.1; do
    awk -v page="$(basename "$f" .1)" '/^\.It Fl / {
        letter = "-"; name = ""; argument = "false"
        for (i = 2; i <= NF; i++) {
            if ($i == "Ar") argument = "true"
            if ($i != "Fl") continue
            if ($(i + 1) ~ /^-/) name = substr($(i + 1), 2)
            else letter = $(i + 1)
        }
        print page, letter, name, argument
    }' "$f"
done | sort >"$lint_scratch/have"
{
    comm -23 "$lint_scratch/want" "$lint_scratch/have" |
        sed "s,^\([^ ]*\) .*,$PAGES/\1.1: missing: &,"
    comm -13 "$lint_scratch/want" "$lint_scratch/have" |
        sed "s,^\([^ ]*\) .*,$PAGES/\1.1: not an option: &,"
} >>"$FOUND"

# Options that the text mentions must exist somewhere.
jq -r 'select(.type == "option") | "-" + .name, (.letter // empty)' \
    "$lint_scratch/table" | sort -u >"$lint_scratch/known"
grep -noE 'Fl +-?[a-zA-Z-]+' "$PAGES"/*.1 | while IFS=: read -r f line word; do
    word=${word##* }
    case $word in
    -*) grep -qxe "$word" "$lint_scratch/known" || echo "$f:$line: no option $word" ;;
    *) echo "$word" | fold -w1 | while read -r letter; do
        grep -qxe "$letter" "$lint_scratch/known" || echo "$f:$line: no option -$letter"
    done ;;
    esac
done >>"$FOUND"

jq -r 'select(.type == "option") | .environment // empty' \
    "$lint_scratch/table" | while read -r v; do
    grep -qx "\.It Ev $v" "$PAGES/dedup.1" || echo "$PAGES/dedup.1: no $v"
done >>"$FOUND"

# Each command: a line in dedup.1 with its summary, and a page of its own.
jq -r 'select(.type == "command") | "\(.name) \(.summary)"' \
    "$lint_scratch/table" | while read -r name summary; do
    awk -v name="$name" -v text="$summary" '
        found { if (index($0, text) == 1) ok = 1; exit }
        $1 == ".It" && $2 == "Cm" && $3 == name { found = 1 }
        END { exit !ok }' "$PAGES/dedup.1" ||
        echo "$PAGES/dedup.1: $name is not summed up as '$summary'"
    case $name in help | version) continue ;; esac
    [ -f "$PAGES/dedup-$name.1" ] || echo "$PAGES/dedup-$name.1 is missing"
done >>"$FOUND"
for f in "$PAGES"/dedup-*.1; do
    name=$(basename "$f" .1)
    grep -q "\"type\":\"command\",\"name\":\"${name#dedup-}\"" \
        "$lint_scratch/table" || echo "$f: there is no such command"
done >>"$FOUND"
lint_end
