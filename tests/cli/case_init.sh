# shellcheck shell=sh
# What init makes, and what it refuses.
unset DEDUP_KEY_FILE
printf 'secret words\n' >pass
expect 1 dedup init
err_is "dedup: init: which repository? Give --repo, or set DEDUP_REPO"
expect 1 dedup -r repo init
for way in --passphrase-file --passphrase-command --passphrase-fd --key-file \
    DEDUP_PASSPHRASE_FILE DEDUP_PASSPHRASE_COMMAND DEDUP_PASSPHRASE \
    DEDUP_KEY_FILE; do
    err_like "dedup: init: no passphrase, *$way*"
done
[ ! -e repo ] || run_fail "a directory was made for nothing"
: >empty
expect 1 dedup -r repo --passphrase-file empty init
err_is "dedup: init: --passphrase-file: empty: the passphrase is empty"
expect 1 env DEDUP_PASSPHRASE_FILE=nopass "$DEDUP" -r repo init
err_is "dedup: init: DEDUP_PASSPHRASE_FILE: nopass: No such file or directory"
[ ! -e repo ] || run_fail "a directory was made for nothing"

expect 0 dedup -r repo --passphrase-file pass init --json
out_like '{"v":1,"type":"repository","id":"????????????????????????????????","place":"repo","new_key_file":false}'
err_is
[ "$(stat -c %a repo)" = 700 ] || run_fail "the mode of the repository"
expect 0 dedup -r repo --passphrase-file pass snapshots
out_is
err_is

# Never over something that is there.
find repo -type f -exec sha256sum {} + | sort >before
expect 10 dedup -r repo --passphrase-file pass init
err_is "dedup: init: repo: there is a repository already"
find repo -type f -exec sha256sum {} + | sort >after
cmp -s before after || run_fail "the second init changed the repository"
mkdir other
echo mine >other/file
expect 10 dedup -r other --passphrase-file pass init
err_like "dedup: init: other: there are other files already ('file')*"
[ "$(ls -A other)" = file ] || run_fail "init left something in other"
# Nor where it cannot be; no key is made for it.
expect 1 dedup -r pass --key-file newkey init
err_is "dedup: init: pass: not a directory; a repository is a directory of its own"
for place in no/such/place no/such/place/ no/such//place; do
    expect 1 dedup -r $place --key-file newkey init
    err_is "dedup: init: $place: make the directory no/such first, or check the path: No such file or directory"
done
expect 1 dedup -r pass/place --key-file newkey init
err_is "dedup: init: pass/place: make the directory pass first, or check the path: Not a directory"
[ ! -e newkey ] || run_fail "a key was made for nothing"
mkdir -m 755 closed
printf 'secret words\n' >closed/pass
expect 9 as_nobody dedup -r closed/repo --passphrase-file closed/pass init
err_like "dedup: init: closed/repo: cannot make the directory: Permission denied; *"

# What an init that was killed leaves is no obstacle: slots of other keys, and
# what was not yet named.
mkdir -p half/keys half/.tmp half/lost+found
cp repo/keys/* half/keys
echo rest >half/.tmp/0123456789abcdef
expect 0 dedup -r half --passphrase-file pass init
expect 0 dedup -r half --passphrase-file pass snapshots
# What only a repository can have left is one: its config may be lost.
mkdir -p headless/log
cp repo/log/* headless/log
expect 10 dedup -r headless --passphrase-file pass init
err_like "dedup: init: headless: there are other files already (log/*"

# A key file that is not there is made, once.
expect 0 dedup -r keyed --key-file key init
out_is
err_like "dedup: init: warning: made a new key in key; *"
[ "$(stat -c '%a %s' key)" = "600 65" ] || run_fail "the key's mode or size"
grep -qxE '[0-9a-f]{64}' key || run_fail "the key is not 64 hex digits"
cp key key.copy
expect 0 dedup -r keyed --key-file key snapshots
expect 0 dedup -r keyed2 --key-file key init
err_is
cmp -s key key.copy || run_fail "the key was made again"
# Only init makes one.
expect 1 dedup -r keyed --key-file nokey snapshots
[ ! -e nokey ] || run_fail "snapshots made a key"
# Not through a link that leads nowhere, nor when init is refused anyway.
ln -s target dangling
expect 1 dedup -r keyed3 --key-file dangling init
[ ! -e target ] || run_fail "the key was written through a link"
expect 10 dedup -r keyed --key-file unused init
[ ! -e unused ] || run_fail "a key was made for nothing"

# Options.
for size in 15K 48K 512K 0 x; do
    expect 1 dedup -r no --key-file key init --chunk-size "$size"
    err_has "dedup: init: --chunk-size*'$size'*"
    [ ! -e no ] || run_fail "--chunk-size $size made a directory"
done
for level in 0 20 -1 best ''; do
    expect 1 dedup -r no --key-file key init --compression="$level"
    [ ! -e no ] || run_fail "--compression $level made a directory"
done
mkdir src
seq 200000 >src/numbers
for level in none 1 19; do
    expect 0 dedup -r "at-$level" --key-file key init --compression "$level" \
        --chunk-size 16K
    expect 0 dedup -r "at-$level" --key-file key snapshot src
    expect 0 dedup -r "at-$level" --key-file key cat "latest:$PWD/src/numbers"
    cmp -s "$OUT" src/numbers || run_fail "at level $level it differs"
done
bytes() {
    du -sb "$1" | cut -f1
}
[ "$(bytes at-none)" -gt "$(stat -c %s src/numbers)" ] ||
    run_fail "none compresses"
[ "$(bytes at-19)" -lt "$(bytes at-1)" ] || run_fail "19 is not less than 1"

# Asked for twice on a terminal.
expect 0 on_terminal 'one\none\n' "$DEDUP" -r typed init
out_has '*once more*'
out_has '*made the repository*'
printf 'one\n' >one
expect 0 dedup -r typed --passphrase-file one snapshots
expect 1 on_terminal 'one\ntwo\n' "$DEDUP" -r typed2 init
out_has '*the two passphrases differ*'
expect 1 on_terminal '\n' "$DEDUP" -r typed2 init
out_has '*the passphrase is empty*'
[ ! -e typed2 ] || run_fail "a directory was made for nothing"
