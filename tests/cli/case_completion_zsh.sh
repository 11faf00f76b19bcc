# shellcheck shell=sh
# The script for zsh, where there is one.
command -v zsh >/dev/null || skip "zsh is not installed"
expect 0 dedup completion zsh
cp "$OUT" _dedup
expect 0 zsh -n _dedup
