# shellcheck shell=sh
# The script for zsh, where there is one.
command -v zsh >/dev/null || skip "zsh is not installed"
expect 0 dedup completion zsh
cp "$OUT" _dedup
expect 0 zsh -n _dedup
# The jobs, which are asked for when one is wanted.
grep -q -- '--job=.*_dedup_jobs' _dedup || run_fail "no jobs"
mkdir -p "$HOME/.config/dedup"
echo 'jobs: [ { name: tree, paths: /x }, { name: -two, paths: /x } ]' \
    >"$HOME/.config/dedup/dedup.yaml"
PATH=$(dirname "$DEDUP"):$PATH
export PATH
expect 0 zsh -c 'compdef() { : ; }; compadd() { print -r -- "$@"; }; source ./_dedup; _dedup_jobs -X'
out_is '-X -- tree -two'
