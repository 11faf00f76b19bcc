# shellcheck shell=sh
# The script for fish, where there is one.
command -v fish >/dev/null || skip "fish is not installed"
expect 0 dedup completion fish
cp "$OUT" dedup.fish
expect 0 fish -n dedup.fish

# ask LINE: what fish completes, without the explanations
ask() {
    expect 0 fish -c "source dedup.fish; complete -C '$1' | string replace -r '\t.*' ''; true"
    err_is
}
ask 'dedup -r x sna'
out_is 'snapshot
snapshots'
ask 'dedup restore --overwrite if'
out_is 'if-changed
if-newer'
ask 'dedup key trust '
out_is 'own
shared'
ask 'dedup snapshot --ov'
out_is
ask 'dedup restore --ov'
out_has '--overwrite*'
# Jobs, as the configuration has them.
mkdir -p "$HOME/.config/dedup"
echo 'jobs: [ { name: tree, paths: /x }, { name: two, paths: /x } ]' \
    >"$HOME/.config/dedup/dedup.yaml"
PATH=$(dirname "$DEDUP"):$PATH
export PATH
ask 'dedup snapshot --job t'
out_is 'tree
two'
