# shellcheck shell=sh
# A key that was removed, and whose slot somebody had copied and put back: it
# reads what its role could, until keys are rotated, and writes nothing.
new_repo repo
echo hello >file
expect 0 dedup snapshot -s s file
for role in full read write maintain; do
    expect 0 dedup key add --role $role --label $role --new-key-file $role.key
done
cp -R repo/keys keys
for role in full read write maintain; do
    expect 0 dedup key remove $role
    expect 5 dedup --key-file $role.key snapshots
    err_has '*wrong key file*'
done
cp -R keys/. repo/keys
find repo -type f | sort >before

# as ROLE CODE COMMAND...
as() {
    key=$1
    code=$2
    shift 2
    expect "$code" dedup --key-file "$key.key" --cache-dir "$key.cache" "$@"
}
removed() {
    as "$@"
    err_like "*/repo: this key was removed: nothing that it writes counts; *"
}
as full 0 cat "latest:$PWD/file"
out_is hello
as full 0 restore latest --target full.out
same file "full.out$PWD/file"
as full 0 check --read-data
as read 0 cat "latest:$PWD/file"
out_is hello
as read 0 check --read-data
as maintain 0 ls latest
as maintain 5 cat "latest:$PWD/file"
as maintain 0 check
as write 0 snapshots
as write 5 ls latest
for role in full read write maintain; do
    as $role 0 key list
    out_has "\\* *$role *$role *removed *key file *"
    removed $role 5 key passwd --new-key-file new.key
    removed $role 5 key rotate
    [ ! -e new.key ] || run_fail "a key file was made for nothing"
done
removed full 5 snapshot -s s file
removed write 5 snapshot -s s file
removed full 5 key add --role read --label x --new-key-file new.key
removed full 5 key remove first
removed full 5 key trust shared
removed full 5 key sheet sheet.txt
[ ! -e sheet.txt ] || run_fail "a removed key has a recovery sheet"
for role in read write maintain; do
    as $role 5 key sheet sheet.txt
    err_is "dedup: key: only a full key has a recovery sheet"
done
find repo -type f | sort | cmp - before || run_fail "something was written"

# What is written from a rotation on it reads no more.
expect 0 dedup key rotate
echo new >file
expect 0 dedup snapshot -s s file
as read 0 cat "s:$PWD/file"
out_is hello
err_has '*this key was removed: what was written since epoch 1 *'
expect 0 dedup cat "s:$PWD/file"
out_is new
