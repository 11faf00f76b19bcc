# shellcheck shell=sh
# restore --safety-copy: what a restore takes away is somewhere else, whole.
mkdir -p src/d/deep src/was_dir
echo one >src/f
echo two >src/d/g
echo three >src/d/deep/h
ln -s f src/link
head -c 6000000 /dev/urandom >src/z
new_repo repo
mv src/z z # into a pack of its own
expect 0 dedup snapshot src
mv z src
expect 0 dedup snapshot src

# A target in which everything is another way, as somebody left it.
spoil() {
    rm -rf t
    cp -a src t
    echo changed >t/f
    chmod 600 t/f
    rm -r t/d/deep t/was_dir
    echo a file >t/d/deep
    ln -s nowhere t/was_dir
    ln -sfn g t/link
    mkdir -p t/mine/below
    echo mine >t/mine/below/x
    ln t/mine/below/x t/mine/twin
    touch -d 2001-02-03 t/f t/mine/below/x
    touch -hd 2001-02-03 t/link
    chmod 750 t/d
    touch -d 2002-03-04 t/mine/below t/mine t/d
    touch -d 2003-04-05 t
    rm -rf was
    cp -a t was
}
# t is as stored, but for what it is as a target
as_src() {
    chmod --reference=src t
    touch --reference=src t
    restored src t
}
back() {
    dedup restore "latest:$PWD/src" --target t --delete --safety-copy safe "$@"
}
# What DIR holds, and where it is put back by hand.
spoil
expect 0 back -v
err_has "dedup: restore: 6 that were overwritten or deleted (*) are in safe"
as_src
[ "$(stat -c %a safe)" = 700 ] || run_fail "others may look into the copy"
(cd safe && find . ! -type d | sort) >list
printf '%s\n' ./d/deep ./f ./link ./mine/below/x ./mine/twin ./was_dir >want
cmp want list || run_fail "something else is kept"
rm -r t/d/deep t/was_dir
cp -a safe/. t
chmod --reference=was t
touch --reference=was t
restored was t

# Never into what is there already, nor where it would meet itself.
expect 1 back
err_has "*--safety-copy: safe: is not empty*"
expect 1 dedup restore "latest:$PWD/src" --target t --safety-copy t
expect 1 dedup restore "latest:$PWD/src" --target new/t --safety-copy new
[ ! -e new ] || run_fail "something is left"
expect 1 dedup restore "latest:$PWD/src" --target t --safety-copy repo/x
expect 1 dedup restore "latest:$PWD/src" --target t --safety-copy t/f
rm -r safe

# In the target itself it is left alone.
spoil
expect 0 dedup restore "latest:$PWD/src" --target t --delete --safety-copy t/safe
[ "$(cat t/safe/f)" = changed ] || run_fail "the copy went"
rm -r t/safe
as_src

# Nothing to keep, nothing left; a dry run makes nothing.
expect 0 back -v
[ ! -e safe ] || run_fail "an empty copy is left"
spoil
expect 0 back -n
[ ! -e safe ] || run_fail "the dry run made the copy"
restored was t

# Only the metadata differs: the old file is kept whole.
rm -rf t
cp -a src t
chmod 777 t/f
expect 0 back
as_src
[ "$(stat -c %a safe/f)" = 777 ] || run_fail "the old mode went"
rm -r safe

# Places of their own keep their whole paths.
spoil
cp -a src src.stored
echo changed >src/f
echo changed >src/d/g
expect 0 dedup restore "latest:$PWD/src/f" "latest:$PWD/src/d" --in-place \
    --safety-copy safe
restored --ignore=dirtime src.stored src
[ "$(cat "safe$PWD/src/f" "safe$PWD/src/d/g")" = "changed
changed" ] || run_fail "not both were kept"
rm -r safe src
mv src.stored src

# What fails brings everything back: here, the content of one file is gone.
spoil
pack=$(find repo/packs -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
mv "$pack" pack
echo changed >t/z
cp -a t/z was
expect 8 back --overwrite always
err_has "*the restore failed: 7 of 7 that were overwritten or deleted are back; what was new stays"
[ ! -e safe ] || run_fail "the copy is left"
[ -f t/d/deep ] || run_fail "a directory stayed"
touch --reference=was t
restored was t
expect 8 back --overwrite always --json
out_has '*"type":"safety","path":"safe","kept":7,"bytes":*,"back":7}'
mv pack "$pack"

# On another file system, where everything is copied: there and back.
if [ "$(id -u)" = 0 ] && mkdir far && mount -t tmpfs tmpfs far 2>/dev/null; then
    trap 'umount -l "$RUN_TMP/work/far"; run_clean' EXIT
    spoil
    expect 0 dedup restore "latest:$PWD/src" --target t --delete --safety-copy far/safe
    as_src
    chmod --reference=was far/safe
    touch --reference=was far/safe
    restored --part was far/safe
    (cd far/safe && find . ! -type d | sort) >list
    cmp want list || run_fail "something else is kept"
    rm -r far/safe
    spoil
    mv "$pack" pack
    echo changed >t/z
    cp -a t/z was
    expect 8 dedup restore "latest:$PWD/src" --target t --delete --safety-copy far/safe
    [ ! -e far/safe ] || run_fail "the copy is left"
    touch --reference=was t
    restored was t
    mv pack "$pack"

    # A copy that does not fit: nothing was lost for it.
    mount -o remount,size=1m far
    rm -f t/z
    head -c 2000000 /dev/urandom >t/z
    rm -rf was
    cp -a t was
    expect 7 dedup restore "latest:$PWD/src" --target t --delete --safety-copy far/safe
    err_has "dedup: restore: the safety copy: far/safe/z: cannot be written: No space left on device"
    touch --reference=was t
    restored was t
fi
