# shellcheck shell=sh
# Keys: who may do what, who comes and goes, and with which secret.
new_repo repo
echo hello >file
expect 0 dedup snapshot file

# The first key has the label that init gives it.
expect 0 dedup key list
out_has ' *label *role *standing *opened by *id *since'
out_has '\* *first *full *active *key file *????????  ????-??-?? ??:??:??'
expect 0 dedup -r other --key-file k0 init --label boss
expect 0 dedup -r other --key-file k0 key list
out_has '*boss*full*'
expect 1 dedup -r third --key-file k1 init --label 'no good'
err_has '*--label*'

# Another of each role.
for role in read write maintain full; do
    expect 0 dedup key add --role $role --label "a-$role" \
        --new-key-file "$role.key" -v
    err_has "*added the key 'a-$role', which may *"
    err_has "*made a new key in $role.key*"
    [ -s "$role.key" ] || run_fail "no key file"
done
expect 0 dedup key list --json
out_has '*"label":"a-write","role":"write","standing":"active","mine":false*'
out_has '*"label":"first","role":"full","standing":"active","mine":true*'
out_has '*"slots":*"opened_by":"key file","passes":0*'

# What each may do: 0, or 5 and which role it would take.
may() {
    want=$1
    key=$2
    shift 2
    rm -rf t
    expect "$want" dedup --key-file "$key.key" "$@"
    [ "$want" = 0 ] ||
        err_has "*its role is '$key', and that needs a key whose role is *"
}
may 0 read snapshots
may 0 read ls latest
may 0 read cat "latest:$PWD/file"
may 0 read restore latest --target t
may 0 read check --read-data
may 5 read snapshot file
may 5 read key add --role read --label x --new-key-file x.key
may 5 read key remove a-write
may 5 read key trust shared
may 0 write snapshots
may 5 write ls latest
may 5 write cat "latest:$PWD/file"
may 5 write restore latest --target t
expect 3 dedup --key-file write.key check
may 5 write check --read-data
may 5 write key remove a-read
may 0 write snapshot file
may 0 maintain snapshots
may 0 maintain ls latest
may 5 maintain cat "latest:$PWD/file"
may 5 maintain restore latest --target t
may 0 maintain check
may 5 maintain check --read-data
may 5 maintain snapshot file
may 5 maintain key trust shared
may 0 full snapshot file
[ ! -e x.key ] || run_fail "a key file was made for nothing"
for key in read write maintain full; do
    may 0 $key key list
done

# The first write key makes trust 'own', unless told otherwise.
expect 0 dedup key list -v
err_has "*trust is 'own'*"
expect 0 dedup key trust shared
expect 0 dedup key list -v
err_has "*trust is 'shared'*"
expect 1 dedup key trust none
expect 0 dedup key trust own
expect 0 dedup -r other --key-file k0 key add --role write --label w \
    --new-key-file w.key --trust shared
expect 0 dedup -r other --key-file k0 key list -v
err_has "*trust is 'shared'*"

# Labels are taken once, and are of few characters.
expect 10 dedup key add --role read --label a-read --new-key-file x.key
err_has "*there is a key 'a-read' already*"
expect 1 dedup key add --role read --label 'a b' --new-key-file x.key
expect 1 dedup key add --role read --new-key-file x.key
err_has '*--role and --label*'
[ ! -e x.key ] || run_fail "a key file was made for nothing"

# A secret can be exchanged by whoever has it: the old one opens nothing then.
printf 'one\n' >one
printf 'two\n' >two
expect 0 dedup --key-file read.key key passwd --new-passphrase-file one
expect 5 dedup --key-file read.key snapshots
expect 0 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file one snapshots
expect 0 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file one \
    key passwd --new-passphrase-command 'cat two'
expect 5 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file one snapshots
# shellcheck disable=SC2094 # two descriptors
expect 0 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file two \
    key passwd --new-passphrase-fd 5 5<one
expect 0 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file one snapshots
expect 1 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file one \
    key passwd --new-passphrase-file two --new-key-file x.key
expect 1 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file one key passwd
err_has '*no new passphrase, and no terminal*'
expect 0 on_terminal 'three\nthree\n' env -u DEDUP_KEY_FILE "$DEDUP" \
    --passphrase-file one key passwd
expect 1 on_terminal 'four\nfive\n' env -u DEDUP_KEY_FILE "$DEDUP" \
    --passphrase-command 'echo three' key passwd
expect 0 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-command 'echo three' \
    snapshots
cp "$OUT" before

# Removed: it opens nothing, and with its slot put back it writes nothing.
cp -r repo/keys keys
expect 0 dedup key remove a-write -v
err_has "*removed the key 'a-write'*"
expect 5 dedup --key-file write.key snapshot file
err_has '*wrong key file*'
cp keys/* repo/keys/
expect 5 dedup --key-file write.key snapshot file
err_has '*this key was removed*'
expect 5 dedup --key-file write.key key passwd --new-key-file x.key
# What it wrote is there, and removing it again sweeps up.
expect 0 dedup snapshots
cp "$OUT" after
same before after
expect 0 dedup check --read-data
id=$("$DEDUP" key list --json | sed -n \
    's/.*"id":"\([0-9a-f]*\)","label":"a-write".*/\1/p')
expect 0 dedup key remove "$id"
expect 5 dedup --key-file write.key snapshot file
err_has '*wrong key file*'
expect 0 dedup key list
out_has '*a-write*write*removed* -  *'
# Its label is free again.
expect 0 dedup key add --role write --label a-write --new-key-file write2.key
expect 0 dedup --key-file write2.key snapshot file

# A key that was removed still reads what it could, if somebody kept its slot.
expect 0 dedup key remove a-maintain --json
out_has '*"type":"removed"*"label":"a-maintain","finished":true*'
cp keys/* repo/keys/
expect 0 dedup --key-file maintain.key ls latest
expect 0 dedup key remove a-read

# The key in use, and the last full one.
expect 10 dedup key remove first
err_has '*this is the key in use*'
expect 0 dedup --key-file full.key key remove first
expect 5 dedup snapshots
expect 10 dedup --key-file full.key key remove a-full --force
err_has "*the last key whose role is 'full'*"
expect 1 dedup --key-file full.key key remove nobody
expect 1 dedup --key-file full.key key remove
expect 1 dedup key frobnicate
expect 1 dedup key list --role read
err_has '*key list does not take --role*'

# One's own, with --force: another one has to finish it.
expect 0 dedup --key-file full.key key add --role full --label second \
    --new-key-file second.key
expect 0 dedup --key-file full.key key remove a-full --force
err_has '*with another full key*'
expect 5 dedup --key-file full.key snapshots
expect 0 dedup --key-file second.key key list
out_has '*a-full*full*leaving*'
expect 0 dedup --key-file second.key key remove a-full
expect 0 dedup --key-file second.key key list
out_has '*a-full*full*removed*'
expect 0 dedup --key-file second.key check --read-data
