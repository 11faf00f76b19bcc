# shellcheck shell=sh
# Scripts of completion are data; they need no repository, and heed no
# configuration, not even a broken one.
mkdir -p "$HOME/.config/dedup"
echo 'no-such-key: 1' >"$HOME/.config/dedup/dedup.yaml"
for shell in bash zsh fish; do
    expect 0 dedup completion "$shell"
    err_is
    plain "$OUT"
    cp "$OUT" "dedup.$shell"
done
expect 1 dedup completion tcsh
out_is
err_has "*'tcsh': must be one of bash, zsh, fish"
expect 0 dedup completion bash --json
out_like '{"v":1,"type":"completion","shell":"bash","script":"# bash completion *"}'

command -v bash >/dev/null || skip "bash is not installed"
expect 0 bash -n dedup.bash
expect 0 bash -c '. ./dedup.bash; complete -p dedup'
out_is 'complete -F _dedup dedup'

# What bash completes: the words of the line, the last one as far as it is
# typed; a line for each answer.
cat >ask <<'END'
. ./dedup.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_dedup
printf '%s\n' "${COMPREPLY[@]}"
END
ask() {
    expect 0 bash -u ask dedup "$@"
    err_is
}

ask sn
out_is 'snapshot
snapshots'
ask -r x -q rest
out_is 'restore'
ask restore --ov
out_is '--overwrite'
ask snapshot --ov
out_is ''
ask --cache
out_is '--cache-dir'
ask restore latest --overwrite if
out_is 'if-changed
if-newer'
# bash makes three words of --overwrite=n, and two of --overwrite=
ask restore --overwrite = n
out_is 'never'
ask restore --overwrite =
out_has 'always'
ask restore --overwrite = never latest --tar
out_is '--target'
ask key tr
out_is 'trust'
ask key --label x trust ''
out_is 'own
shared'
ask config ''
out_is 'show
check
jobs'
ask completion f
out_is 'fish'
ask help 'do'
out_is 'doctor'
ask init ''
out_is ''
ask restore ''
out_is ''

# Files and directories, whatever they are called.
odd="a \$(file)"
mkdir 'a dir'
: >"$odd"
ask snapshot --exclude-file 'a '
out_has 'a dir'
out_has "$odd"
ask key sheet "a \$"
out_is "$odd"
ask -r 'a '
out_is 'a dir'
ask snapshot 'a d'
out_is 'a dir'
# A value that nobody can know, and what stands behind --.
ask snapshot --series a
out_is ''
ask snapshot --command x -- 'a d'
out_is 'a dir'
ask snapshot -- --ser
out_is ''

# Jobs, as the configuration has them. Names that a shell could take for more
# than words cannot stand there: then there are none.
PATH=$(dirname "$DEDUP"):$PATH
export PATH
ask snapshot --job t
out_is ''
cat >"$HOME/.config/dedup/dedup.yaml" <<'END'
jobs:
- { name: tree, paths: /x }
- { name: -two, paths: /x }
- { name: t@h+a.b_c-d, paths: /x }
END
ask snapshot --job ''
out_is 'tree
-two
t@h+a.b_c-d'
ask config show -j tr
out_is tree
ask snapshot --job = -t
out_is -two
# shellcheck disable=SC2016 # evil on purpose
for name in '$(touch evil)' '`touch evil`' 'a;touch evil' "a' 'b" 'a b' '*' 'é'; do
    echo "jobs: [ { name: \"$name\", paths: /x } ]" >"$HOME/.config/dedup/dedup.yaml"
    ask snapshot --job ''
    out_is ''
done
[ ! -e evil ] || run_fail "a name was run"
# What is no file is not waited for.
rm "$HOME/.config/dedup/dedup.yaml"
mkfifo "$HOME/.config/dedup/dedup.yaml"
ask snapshot --job ''
out_is ''
