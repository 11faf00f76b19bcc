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
err_has "dedup: restore: 6 files that were overwritten or deleted (*) are in safe, with 3 directories"
as_src
[ "$(stat -c %a safe)" = 700 ] || run_fail "others may look into the copy"
(cd safe && find . ! -type d | sort) >list
printf '%s\n' ./d/deep ./f ./link ./mine/below/x ./mine/twin ./was_dir >want
cmp want list || run_fail "something else is kept"
rm -r t/d/deep t/was_dir # directories now
cp -a --remove-destination safe/* t
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
spoil
mkdir other
ln -s ../other t/safe
expect 0 dedup restore "latest:$PWD/src" --target t --delete --safety-copy t/safe
[ "$(cat t/safe/f)" = changed ] || run_fail "the copy went"
[ -h t/safe ] || run_fail "the link went"
rm -r other t/safe
as_src

# Whoever owns the place could change what comes back from it.
if [ "$(id -u)" = 0 ]; then
    mkdir safe
    chown 1 safe
    spoil
    expect 10 back
    restored was t
    rmdir safe
fi

# Nothing to keep, nothing left; a dry run makes nothing.
rm -rf t
cp -a src t
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
expect 0 back -n
out_has "M $PWD/src/f"
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
err_has "*the restore failed: 7 of 7 files that were overwritten or deleted are back; what was new stays"
[ ! -e safe ] || run_fail "the copy is left"
[ -f t/d/deep ] || run_fail "a directory stayed"
touch --reference=was t
restored was t
expect 8 back --overwrite always --json
out_has '*"type":"safety","path":"safe","kept":7,"bytes":*,"directories":*,"back":7}'

# Places of their own, one in the other: each gets back what it had.
cp -a src src.stored
echo changed >src/f
echo changed >src/d/g
echo changed >src/z
chmod 700 src/d
chmod 710 src
touch -d 2001-02-03 src/d src
cp -a src was.src
expect 8 dedup restore "latest:$PWD/src/d" "latest:$PWD/src/f" "latest:$PWD/src/z" \
    --in-place --safety-copy safe
err_has "*the restore failed: 2 of 2 files*"
[ ! -e safe ] || run_fail "the copy is left"
[ "$(stat -c %a src/d) $(stat -c %a src)" = "700 710" ] || run_fail "a target's mode changed"
touch --reference=was.src/d src/d # targets have new times
touch --reference=was.src src
restored was.src src
rm -r src was.src
mv src.stored src
mv pack "$pack"

# What cannot be said has not been done.
spoil
"$DEDUP" restore "latest:$PWD/src" --target t --safety-copy safe -v >/dev/full 2>"$ERR"
[ $? = 2 ] || run_fail "a full standard output is no failure"
touch --reference=was t
[ "$(cat t/f) $(readlink t/link)" = "changed g" ] || run_fail "it is not back"
[ ! -e safe ] || run_fail "the copy is left"

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

    # A target that is full: what was there comes back into it all the same.
    rm -rf far/safe
    mkdir full far/t
    for n in a b c; do head -c 900000 /dev/urandom >full/$n; done
    cp full/a a
    head -c 1000000 /dev/urandom >>full/a
    expect 0 dedup snapshot full -s full
    mount -o remount,size=3m far
    cp a far/t
    expect 7 dedup restore "full:$PWD/full" --target far/t --safety-copy safe
    err_has "*: 1 of 1 files that were overwritten or deleted are back*"
    same a far/t/a
    [ ! -e safe ] || run_fail "the copy is left"
fi

# What nothing may replace, and flags of directories.
if [ "$(id -u)" = 0 ] && chattr +i src/f 2>/dev/null; then
    expect 0 dedup snapshot src -s locked
    chattr -i src/f
    spoil
    chattr +d t/d
    mv "$pack" pack
    echo changed >t/z
    expect 8 dedup restore "locked:$PWD/src" --target t --safety-copy safe
    [ "$(cat t/f)" = changed ] || run_fail "the new file stayed"
    lsattr -d t/d | grep -q '^[^ ]*d' || run_fail "the flag of a directory went"
    [ ! -e safe ] || run_fail "the copy is left"
    mv pack "$pack"
fi
