# shellcheck shell=sh
# What a restore does with what is there already.
mkdir src
for f in same size time newer content; do
    echo "stored $f" >src/$f
    touch -d 2020-01-01 src/$f
done
new_repo repo
expect 0 dedup snapshot src
from="latest:$PWD/src"

# A file is no place for files; it stays as it is.
echo mine >file
for target in file file/below; do
    expect 1 dedup restore "$from" --target "$target"
    err_has "dedup: restore: --target: $target: is not a directory"
    expect 1 dedup restore "$from" --target "$target" --dry-run
done
[ "$(cat file)" = mine ] || run_fail "the file was changed"
ln -s src link
expect 0 dedup restore "$from" --target link

# A target in which each file differs in the way its name says.
fresh() {
    rm -rf out
    cp -a src out
    echo "longer than what was stored" >out/size
    touch -d 2020-01-01 out/size
    touch -d 2019-01-01 out/time
    echo "STORED newer" >out/newer
    touch -d 2021-01-01 out/newer
    echo "STORED content" >out/content
    touch -d 2020-01-01 out/content
    echo mine >out/extra
}
# is NAME...: those files are as stored, and the others of the five are not
is() {
    for f in same size time newer content; do
        want=no
        for g in "$@"; do
            [ "$g" != $f ] || want=yes
        done
        have=no
        cmp -s src/$f out/$f &&
            [ "$(stat -c %y src/$f)" = "$(stat -c %y out/$f)" ] && have=yes
        [ $want = $have ] || run_fail "$f: as stored: $have, not $want"
    done
    [ "$(cat out/extra)" = mine ] || run_fail "a file of others was touched"
}
fresh
expect 0 dedup restore "$from" -t out
is same size time newer
fresh
expect 0 dedup restore "$from" -t out --overwrite if-changed
is same size time newer
fresh
expect 0 dedup restore "$from" -t out --verify
is same size time newer content
fresh
expect 0 dedup restore "$from" -t out --overwrite always
is same size time newer content
fresh
expect 0 dedup restore "$from" -t out --overwrite never
is same
fresh
expect 0 dedup restore "$from" -t out --overwrite if-newer
is same time
expect 1 dedup restore "$from" -t out --overwrite sometimes
expect 1 dedup restore "$from" -t out --overwrite never --verify
expect 1 dedup restore "$from"
err_has "dedup: restore: --target DIR is missing: where to restore"

# A dry run says what would be done, and does nothing.
fresh
find out -printf '%p %s %T@ %i\n' | sort >before
expect 0 dedup restore "$from" -t out --dry-run
out_is "$(for f in newer size time; do echo "M $PWD/src/$f"; done)"
find out -printf '%p %s %T@ %i\n' | sort >after
cmp -s before after || run_fail "the dry run wrote"
expect 0 dedup restore "$from" -t out --dry-run -v
err_has 'dedup: restore: would write 3 entries (*) in out: 0 new, 3 changed; 2 already as stored, 0 but for metadata, 0 kept'
expect 0 dedup restore "$from" -t new --dry-run
[ ! -e new ] || run_fail "the dry run made the target"
expect 0 dedup restore "$from" -t out -v
out_has "M $PWD/src/size"
out_has "= $PWD/src/same"
err_has 'dedup: restore: wrote 3 entries (*) in out: 0 new, 3 changed; 2 already as stored, 0 but for metadata, 0 kept'
is same size time newer
# What could not be written: named, exit 3, all else is there.
rm -rf out
mkdir -p out/size/full
: >out/size/full/file
expect 3 dedup restore "$from" -t out
out_is
err_like "dedup: restore: warning: $PWD/src/size: *"
cmp -s src/time out/time || run_fail "the others are not there"
