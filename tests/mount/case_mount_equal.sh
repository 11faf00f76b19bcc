# shellcheck shell=sh
# What is mounted equals what was backed up, by whatever it is read.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

odd odd
new_repo repo
expect 0 dedup snapshot -s odd odd
mounted mnt "odd:$PWD/odd"
# a listing tells the numbers and types that lstat() tells
if command -v python3 >/dev/null; then
    expect 0 python3 -c '
import os, stat, sys
def walk(fd):
    with os.scandir(fd) as listing:
        listed = [(e.name, e.inode(), e.is_dir(follow_symlinks=False),
                   e.is_symlink(), e.is_file(follow_symlinks=False)) for e in listing]
    for name, *told in listed:
        s = os.lstat(name, dir_fd=fd)
        m = s.st_mode
        if told != [s.st_ino, stat.S_ISDIR(m), stat.S_ISLNK(m), stat.S_ISREG(m)]:
            sys.exit(f"{name!r}: {told}, {s}")
        if told[1]:
            below = os.open(name, os.O_RDONLY, dir_fd=fd)
            walk(below)
            os.close(below)
walk(os.open("mnt", os.O_RDONLY))'
    out_is
fi
unmounted mnt
mounted mnt "odd:$PWD/odd"
# twice: what the kernel keeps is the same
restored odd mnt
restored odd mnt
if command -v rsync >/dev/null; then
    # one path is too long for it, one hole takes an hour
    expect 0 rsync -aHAXn --checksum --delete --exclude 100GiB --exclude /deep odd/ mnt/
    out_is
    expect 0 rsync -aHAXn --checksum --delete --exclude 100GiB --exclude /deep mnt/ odd/
    out_is
fi

# Copies of it: cp heeds holes, but not such paths; tar is told about them.
mkdir copy
expect 0 find mnt -mindepth 1 -maxdepth 1 ! -name deep \
    -exec cp -a --sparse=always -t copy {} +
restored --part --ignore=flags,project,dirtime odd copy
mkdir untarred
expect 0 sh -c "tar -C mnt --xattrs --xattrs-include='*' --acls --sparse --exclude ./deep \
    --exclude './links/fifo*' -cf - . |
    tar -C untarred --xattrs --xattrs-include='*' --acls -xpf -"
# sockets, and links of fifos, are none of tar's business
restored --part --ignore=flags,project,dirtime,holes odd untarred
unmounted mnt

# A working copy, a database.
mkdir work
(cd work && git init -q . && seq 1000 >a && mkdir b && seq 2000 >b/c &&
    git add . && git -c user.name=n -c user.email=e commit -qm x) >/dev/null
sleep 1.1 # what is as young as the index is read again by git
(cd work && git status >/dev/null)
if command -v sqlite3 >/dev/null; then
    sqlite3 work/db 'create table t(a, b);
        with recursive n(i) as (select 1 union all select i+1 from n
        where i < 20000) insert into t select i, hex(randomblob(20)) from n;
        create index x on t(b)'
fi
expect 0 dedup snapshot -s work work
mounted mnt work
cd "mnt$PWD/work" || exit 1
expect 0 env GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*' status --porcelain
out_is '?? db'
if [ -f db ]; then
    expect 0 sqlite3 "file:db?immutable=1" 'pragma integrity_check;
        select count(*), min(a), max(a) from t'
    out_is 'ok
20000|1|20000'
fi
cd "$OLDPWD" || exit 1
unmounted mnt
