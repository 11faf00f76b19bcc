# shellcheck shell=sh
# Restoring without root's rights: what only root can set is said once, and is
# no failure.
[ "$(id -u)" = 0 ] || skip "making files of others takes root"
mkdir -m 755 src
for i in 1 2 3; do
    echo $i >src/$i
    chown 1$i:2$i src/$i
done
mknod src/device c 1 3
mkfifo src/fifo
mkdir -m 777 to
new_repo repo
chmod 644 repo.key
chmod -R a+rX repo
chmod -R a+rwX to
expect 0 dedup snapshot src
chmod -R a+rX repo
export DEDUP_CACHE_DIR="$PWD/to/cache"
as_nobody true
expect 0 as_nobody dedup restore "latest:$PWD/src" --target to/out
out_is
[ "$(wc -l <"$ERR")" = 1 ] || run_fail "it is not said once"
err_like "dedup: restore: warning: not set, which only root can do: owner of *"
for i in 1 2 3; do
    cmp -s src/$i to/out/$i || run_fail "$i differs"
done
[ -p to/out/fifo ] || run_fail "the pipe is not there"
[ ! -e to/out/device ] || run_fail "nobody could make a device"
# As root, all of it.
expect 0 dedup restore "latest:$PWD/src" --target all
err_is
restored src all
# Owners by number, whatever their names are here.
expect 0 dedup restore "latest:$PWD/src" --target numbers --numeric-ids
restored src numbers

# Who may only read the repository is told so, whatever the file system can do.
expect 9 as_nobody dedup snapshot src -s nobody
err_has "dedup: snapshot: *repo: cannot write a file in .tmp: Permission denied; run as the user who owns the repository"
expect 9 as_nobody dedup tag --add x latest
err_has "dedup: tag: *Permission denied; run as the user who owns the repository"
expect 0 as_nobody dedup snapshots

# A target that cannot be made on a file system that is read-only.
cat >frozen <<'END'
mount -t tmpfs -o ro none to || exit 77
"$DEDUP" restore latest --target to/none/there
END
DEDUP=$DEDUP DEDUP_CACHE_DIR=$PWD/frozen.cache unshare -m sh frozen >"$OUT" 2>"$ERR"
code=$?
[ "$code" = 77 ] || [ "$code" = 2 ] || run_fail "exit $code"
[ "$code" = 77 ] || err_is "dedup: restore: to/none: cannot be made: Read-only file system"
