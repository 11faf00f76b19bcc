# shellcheck shell=sh
# Sizes, times and depths at the edges; each must come back the same.
new_repo repo
mkdir src
: >src/empty
printf x >src/one
truncate -s 100G src/sparse
printf end | dd of=src/sparse bs=1 seek=107374182397 conv=notrunc 2>/dev/null
# A hole in the middle, and one at the end.
head -c 100000 /dev/urandom >src/holes
truncate -s 3M src/holes
head -c 100000 /dev/urandom >>src/holes
truncate -s 6M src/holes
touch -d '1931-05-06 07:08:09.123456789' src/old
touch -d '1969-12-31 23:59:59.999999999' src/justbefore
touch -d '2106-02-07 06:28:17' src/future
d=src
for _ in $(seq 200); do
    d=$d/d
    mkdir "$d"
done
echo bottom >"$d/file"
expect 0 dedup snapshot src
err_is
expect 0 dedup restore "latest:$PWD/src" --target out
restored src out
[ "$(stat -c %b out/sparse)" -le 64 ] || run_fail "the holes are filled"
expect 0 dedup cat "latest:$PWD/$d/file"
out_is bottom
expect 0 dedup cat "latest:$PWD/src/holes"
cmp -s "$OUT" src/holes || run_fail "cat of holes differs"
expect 0 dedup cat "latest:$PWD/src/empty"
out_is
expect 0 dedup ls -l "latest:$PWD/src"
out_has '* 107374182400 * */sparse'
out_has '* 1931-05-06 07:08:09 */old'
expect 0 dedup ls --json "latest:$PWD/src/old"
out_has '*"mtime":"1931-05-06T07:08:09.123456789Z"*'

# A shorter file over a longer one, and a file over other things.
head -c 300000 /dev/urandom >out/one
rm out/old
mkdir out/old
rm out/empty
ln -s /etc/passwd out/empty
expect 0 dedup restore "latest:$PWD/src" --target out
touch -r src out # a target that was there keeps its times
restored src out
