# shellcheck shell=sh
# What stands between backticks in a document and begins with "dedup": the
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
