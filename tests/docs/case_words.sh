# shellcheck shell=sh
# The words of the documents. What stands between backticks in a document and begins with "dedup": the
# command is there, and takes the options that are named.
ROOT=$(dirname "$RUN_CASE")/../..
# shellcheck disable=SC2016 # backticks of Markdown
grep -noE '`dedup [a-z][^`]*`' "$ROOT"/docs/*.md "$ROOT"/README.md |
    sed "s,^$ROOT/,,; s/\`//g" >said
[ "$(wc -l <said)" -gt 40 ] || run_fail "hardly a word was found"
for command in $("$DEDUP" help --json |
    sed -n 's/.*"type":"command","name":"\([a-z]*\)".*/\1/p'); do
    "$DEDUP" help "$command" >"help.$command"
done
[ -s help.snapshot ] || run_fail "help --json does not name the commands"
: >wrong
while IFS= read -r line; do
    text=${line#*:dedup }
    text=${text%% -- *}
    text=${text%% | *}
    command=${text%% *}
    if [ ! -f "help.$command" ]; then
        echo "$line: no such command" >>wrong
        continue
    fi
    for option in $(printf '%s\n' "$text" | grep -oE -- '(^| )--[a-z0-9-]+'); do
        grep -qE -- "(^|[ ,])$option( |\$)" "help.$command" ||
            echo "$line: no $option" >>wrong
    done
done <said
[ ! -s wrong ] || run_fail "$(cat wrong)"

# Links lead to files that are there, and to headings in them.
for page in "$ROOT"/*.md "$ROOT"/docs/*.md; do
    grep -oE '\]\([^)]*\)' "$page" | sed 's/^](//; s/)$//' | grep -v '^http' |
        while IFS= read -r link; do
            file=${link%%#*}
            to=$(dirname "$page")/$file
            [ -n "$file" ] || to=$page
            if [ ! -e "$to" ]; then
                echo "${page##*/}: $link: no such file"
            elif [ "$link" != "$file" ]; then
                sed -n 's/^##* //p' "$to" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9_\n-' |
                    grep -qx -- "${link#*#}" || echo "${page##*/}: $link: no such heading"
            fi
        done
done >>wrong
[ ! -s wrong ] || run_fail "$(cat wrong)"

# The comparison names each option that others have, and, in its last column,
# only options of this program.
page=$ROOT/docs/comparison.md
sed 's/[[:space:]]*#.*//; s/^[a-z]*://' "$(dirname "$RUN_CASE")/compared.table" |
    tr -s ' ' '\n' | sed '/^$/d' >theirs
[ "$(wc -l <theirs)" -gt 100 ] || run_fail "what is compared with?"
while IFS= read -r option; do
    grep -qE -- "^\|.*$option([^a-z-]|\$)" "$page" ||
        echo "comparison.md: nothing on $option" >>wrong
done <theirs
"$DEDUP" help --json | sed -n 's/.*"type":"option","name":"\([a-z0-9-]*\)".*/--\1/p' >ours
awk -F'|' '/^\|/ { print $(NF - 1) }' "$page" | grep -oE -- '`--[a-z0-9-]+' |
    tr -d '`' | sort -u >named
while IFS= read -r option; do
    grep -qx -- "$option" ours || echo "comparison.md: $option is not ours" >>wrong
done <named
# Nothing is "not yet" there that is: an option of the same name of the command
# that the table is about.
awk -F'|' '
/^\| *\|/ { heading = $(NF - 1) }
/^\|/ && $(NF - 1) ~ /not yet/ {
    theirs = ""
    for (i = 3; i < NF - 1; i++)
        theirs = theirs $i
    print heading "|" theirs "|" $(NF - 1) "|" $2
}' "$page" >not_yet
[ -s not_yet ] || run_fail "nothing is missing any more?"
while IFS='|' read -r heading theirs said row; do
    for option in $(printf '%s\n' "$theirs" | grep -oE -- '--[a-z0-9-]+'); do
        case $said in *"$option"*) continue ;; esac
        # shellcheck disable=SC2016 # backticks of Markdown
        for command in $(printf '%s\n' "$heading" | grep -oE '`[a-z]+`' | tr -d '`'); do
            ! grep -qE -- "(^|[ ,])$option( |\$)" "help.$command" ||
                echo "comparison.md:$row: $option of $command is there" >>wrong
        done
    done
done <not_yet
[ ! -s wrong ] || run_fail "$(cat wrong)"
