# shellcheck shell=sh
# Standard input as one file of a snapshot.
# shellcheck disable=SC2317 # expect calls what looks unreachable
new_repo repo
seq 200000 >dump
stdin() {
    from=$1
    shift
    dedup snapshot "$@" <"$from"
}
expect 0 stdin dump --stdin db.sql --tag nightly --print-id
out_like "????????????????????????????????????????????????????????????????"
err_is
expect 0 dedup cat latest:/db.sql
cmp -s "$OUT" dump || run_fail "cat gives other bytes"
expect 0 dedup ls -l latest:/
out_like "-rw-------*db.sql"
expect 0 dedup snapshots
out_has "*@db.sql *nightly*"

expect 0 stdin dump --stdin db.sql -v
err_has "*: 1 file, 1 directory, 1.3 MB"

# A path, whose directories need not be there; the same stream adds nothing.
expect 0 stdin dump --stdin /dumps/deep/db.sql --json
out_has '*"type":"snapshot"*"files":1,*"bytes":1288895,*"new_bytes":[0-9]*,*'
expect 0 stdin dump --stdin dumps/deep/db.sql --json
out_has '*"series":"*@dumps-deep-db.sql"*"unchanged_files":0,*"had_parent":false*'
expect 0 dedup snapshots
[ "$(grep -c dumps-deep "$OUT")" = 2 ] || run_fail "the series does not go on"
series=$(sed -n 's/.* \([^ ]*@dumps-deep-db.sql\).*/\1/p' "$OUT" | head -n 1)
expect 0 dedup restore "$series" --target out
same dump out/dumps/deep/db.sql
[ "$(stat -c %a out/dumps/deep/db.sql)" = 600 ] || run_fail "mode"
expect 0 dedup restore "$series:/dumps/deep/db.sql" --target one
same dump one/db.sql
expect 0 dedup check --read-data

# The name is a name: nothing is read there, not even in the repository. What a
# link leads to stands in the path: a restore to / must not replace it.
expect 0 stdin dump --stdin "$PWD/repo/in"
mkdir real
ln -s real link
expect 0 stdin dump --stdin "$PWD/link/deep/db.sql" -s linked
expect 0 dedup ls -R linked:/
out_has "$PWD/real/deep/db.sql"
expect 1 dedup ls "linked:$PWD/link"

# Names that no file can have.
for n in "" . .. / a/ a//b a/../b ./a //a a/.; do
    expect 1 stdin dump --stdin "$n"
done
expect 1 stdin dump --stdin "$(printf '%0300d' 1)"
err_has "*cannot be a file's path*"

# What does not go together.
expect 1 stdin dump --stdin a dump
err_has "*--stdin takes no paths*"
expect 1 stdin dump --stdin a --command b -- true
expect 1 stdin dump --stdin a --exclude '*.o'
expect 1 stdin dump --stdin a -f
expect 1 stdin dump --allow-empty dump
expect 1 dedup snapshot
err_has "*PATH... is missing*"
unset DEDUP_KEY_FILE
expect 1 stdin dump --stdin a --passphrase-fd 0
err_has "*cannot be both*"
expect 1 stdin dump --stdin a --passphrase-file /dev/stdin
err_has "*standard input is what --passphrase-file names*"
export DEDUP_KEY_FILE="$PWD/repo.key"
expect 1 on_terminal '' "$DEDUP" snapshot --stdin a
out_has "*standard input is a terminal*"

# Nothing at all is refused: it is how a dump that failed looks.
: >empty
count() {
    dedup snapshots | wc -l
}
before=$(count)
expect 2 stdin empty --stdin empty
err_has "*not one byte*nothing was committed*"
[ "$(count)" = "$before" ] || run_fail "an empty stream was committed"
expect 0 stdin empty --stdin empty --allow-empty -s empty
expect 0 dedup cat empty:/empty
out_is

# A directory cannot be read: nothing is committed.
expect 2 stdin . --stdin dir
err_has "*reading standard input*"

# Compressed input is noticed, once, and taken.
for z in gzip xz zstd bzip2 lz4; do
    command -v $z >/dev/null || continue
    $z -c <dump >packed
    expect 0 stdin packed --stdin packed -q
    err_has "*the data looks $z-compressed*pg_dump*"
    [ "$(wc -l <"$ERR")" = 1 ] || run_fail "said more than once"
done
head -c 200000 /dev/urandom >random
expect 0 stdin random --stdin random
err_has "*looks compressed or encrypted*"

# The passphrase command does not eat the stream.
unset DEDUP_KEY_FILE
export DEDUP_PASSPHRASE_COMMAND="cat; echo secret"
export DEDUP_REPO="$PWD/asked" DEDUP_CACHE_DIR="$PWD/asked.cache"
expect 0 dedup init </dev/null
expect 0 stdin dump --stdin a
expect 0 dedup cat latest:/a
cmp -s "$OUT" dump || run_fail "the passphrase command took some of the stream"
exit 0
