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
