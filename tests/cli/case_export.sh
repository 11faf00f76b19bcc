# shellcheck shell=sh
# A snapshot as a tar archive, by which GNU tar restores it, and as a zip one.
odd odd
new_repo repo
expect 0 dedup snapshot -s odd odd

# untarred DIR ARCHIVE
untarred() {
    mkdir "$1"
    # paths as long as some are there it does not make
    expect 0 tar -C "$1" --xattrs --xattrs-include="*" --acls \
        --exclude deep/twenty-bytes-of-name -xpf "$2"
    # not a word of what it does not know
    grep -v 'time stamp' "$ERR" >told
    [ ! -s told ] || run_fail "tar has something to say"
}

expect 0 dedup export "odd:$PWD/odd"
has_sockets=$(find odd -type s | grep -c .)
if [ "$has_sockets" -gt 0 ]; then
    err_is "dedup: export: warning: sockets left out, which tar has not: $has_sockets"
fi
mv "$OUT" odd.tar
[ $(($(stat -c %s odd.tar) % 10240)) = 0 ] || run_fail "not a whole record"
untarred all odd.tar
restored --part --ignore=flags,project odd all
# without attributes the ACLs come alone
mkdir acls
expect 0 tar -C acls --acls --no-xattrs --exclude deep/twenty-bytes-of-name -xpf odd.tar
(cd odd && getfacl -Rpn --skip-base . 2>/dev/null) >want
(cd acls && getfacl -Rpn --skip-base . 2>/dev/null) >got
[ -s want ] || run_fail "no ACLs in the tree"
same want got
# and by a program of another house
if command -v bsdtar >/dev/null; then
    mkdir bsd
    expect 0 bsdtar -C bsd --exclude deep/twenty-bytes-of-name -xpf odd.tar
    rm "bsd/times/"*before* # it takes fractions of negative times for positive
    restored --part --ignore=flags,project,holes,dirtime odd bsd
fi
expect 0 python3 -c '
import sys, tarfile
t = tarfile.open(sys.argv[1])
n = sum(len(t.extractfile(m).read()) for m in t
        if m.isreg() and not m.issparse())
print(n > 0)' odd.tar
out_is True

# A tree of its own: long names and targets, great numbers, old times.
mkdir src src/d
long=$(printf '%0200d' 0)
echo long >"src/d/$long"
ln -s "$long$long" src/link
echo bytes >"src/$(printf 'b\377\n')"
touch -d '1960-01-02 03:04:05.25 UTC' src/old
touch -d '@-0.25' src/nearly
touch -d '@99999999999' src/late
chown 3000000:4000000 src/old
truncate -s 9G src/huge
printf x | dd of=src/huge bs=1 seek=9000000000 conv=notrunc status=none
truncate -s 1M src/hollow
seq 100000 >src/seq
ln src/seq src/d/other
: >src/empty
setfattr -n user.a=b%c -v 1 src/empty
head -c 3000000 /dev/urandom >src/random
expect 0 dedup snapshot -s src src
expect 0 dedup export "src:$PWD/src"
err_is
mv "$OUT" src.tar
untarred src.out src.tar
restored src src.out
[ "$(stat -c %i src.out/seq)" = "$(stat -c %i src.out/d/other)" ] ||
    run_fail "hard links are lost"
[ "$(du -k src.out/huge | cut -f1)" -lt 1000 ] || run_fail "holes are lost"
[ "$(stat -c %s src.tar)" -lt 5000000 ] || run_fail "holes are in the archive"

# One file, a whole snapshot, a link.
expect 0 dedup export "src:$PWD/src/seq" --format tar
mv "$OUT" one.tar
mkdir one
expect 0 tar -C one -xvf one.tar
out_is seq
same src/seq one/seq
expect 0 dedup export src
mv "$OUT" whole.tar
mkdir whole
expect 0 tar -C whole -xpf whole.tar
same src/seq "whole$PWD/src/seq"
expect 0 dedup export "src:$PWD/src/link"
mv "$OUT" one.tar
expect 0 tar -C one -xf one.tar
[ "$(readlink one/link)" = "$long$long" ] || run_fail "another target"

# zip: names, contents, modes, times, owners and links.
rm src/huge
expect 0 dedup snapshot -s src src
expect 0 dedup export --format zip "src:$PWD/src"
err_has '*: entries without their extended attributes and ACLs, which zip has not: 1'
err_has '*: names of hard links that are files of their own, since zip has no links: 2'
mv "$OUT" src.zip
expect 0 python3 - src.zip src <<'PY'
import os, stat, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
names = set()
for i in z.infolist():
    path = os.fsencode(sys.argv[2]) + b"/" + (
        i.filename.encode() if i.flag_bits & 0x800
        else i.filename.encode("cp437"))
    st = os.lstat(path)
    names.add(os.path.normpath(path))
    mode = i.external_attr >> 16
    assert mode == st.st_mode, (path, oct(mode))
    data = z.read(i)
    if stat.S_ISLNK(mode):
        assert data == os.readlink(path)
    elif stat.S_ISREG(mode):
        assert data == open(path, "rb").read(), path
        assert i.file_size == st.st_size
want = set()
for d, ds, fs in os.walk(os.fsencode(sys.argv[2])):
    want.update(os.path.normpath(os.path.join(d, x)) for x in ds + fs)
assert names == want, names ^ want
kind = {i.filename: i.compress_type for i in z.infolist()}
assert kind["empty"] == zipfile.ZIP_STORED
assert kind["seq"] == zipfile.ZIP_DEFLATED
print("equal")
PY
out_is equal
if command -v unzip >/dev/null; then
    expect 0 unzip -q src.zip -d zipped
    same src/random zipped/random
fi
# what has no members is an archive as well
mkdir src/none
expect 0 dedup snapshot -s src src
expect 0 dedup export --format zip "src:$PWD/src/none"
mv "$OUT" none.zip
expect 0 python3 -c 'import sys, zipfile
print(zipfile.ZipFile(sys.argv[1]).namelist())' none.zip
out_is '[]'
expect 0 dedup export "src:$PWD/src/none"
mv "$OUT" none.tar
expect 0 tar -tf none.tar
out_is ./

# Whoever reads it may leave.
# shellcheck disable=SC2016
expect 0 sh -c '"$0" export src | head -c 1000 | wc -c' "$DEDUP"
out_is 1000
err_is
# shellcheck disable=SC2016
expect 2 sh -c '"$0" export src >/dev/full' "$DEDUP"
err_has '*standard output*No space left*'
expect 1 dedup export --json src
err_has '*no --json*'
expect 1 dedup export --format rar src
err_has '*tar|zip*'
expect 1 on_terminal '' "$DEDUP" export src
expect 1 dedup export src:/nowhere
err_has '*/nowhere*'

# Damage: the archive ends before it, and says where.
head -c 6000000 /dev/urandom >src/z # alone in the largest pack
expect 0 dedup snapshot -s src src
expect 0 dedup export "src:$PWD/src"
mv "$OUT" whole.tar
pack=$(find repo/packs -type f -printf '%s %p\n' | sort -n | tail -n 1)
size=${pack%% *}
pack=${pack#* }
chmod u+w "$pack"
printf XXXX | dd of="$pack" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
expect 8 dedup export "src:$PWD/src"
mv "$OUT" part.tar
err_has "*/src/z: *"
err_has '*dedup restore*'
[ "$(wc -c <part.tar)" -lt "$(wc -c <whole.tar)" ] || run_fail "nothing is missing"
cmp -s -n "$(wc -c <part.tar)" part.tar whole.tar || run_fail "other bytes"
expect 2 tar -tf part.tar
expect 8 dedup export --format zip "src:$PWD/src"
mv "$OUT" part.zip
expect 1 python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1])' part.zip

# It is forgotten, and pruned, while somebody reads slowly: that is no damage.
new_repo other
mkdir many
for i in 1 2 3 4 5 6 7 8; do
    head -c 8000000 /dev/urandom >"many/$i"
done
expect 0 dedup snapshot -s many many

mkfifo pipe
dedup export many >pipe 2>err &
pid=$!
exec 5<pipe
head -c 100000 <&5 >part.tar
expect 0 dedup snapshot -s many src/d
expect 0 dedup forget many~1
expect 0 dedup prune
cat <&5 >>part.tar
exec 5<&-
wait "$pid" && run_fail "no error"
grep -q 'was forgotten while it was read' err || run_fail "$(cat err)"
grep -q restore err && run_fail "$(cat err)"
expect 2 tar -tf part.tar
