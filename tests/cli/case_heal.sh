# shellcheck shell=sh
# A pack that has gone or was damaged: while the source still has the bytes, the
# next backup stores them again, once somebody has looked.
mkdir src
seq 200000 >src/numbers
head -c 3000000 /dev/urandom >src/noise
echo small >src/small
new_repo repo
expect 0 dedup snapshot -s s src
sleep 0.1
cp -a repo whole
cp -a repo.cache whole.cache
find repo/packs -type f >packs
[ "$(wc -l <packs)" -ge 2 ] || run_fail "no pack of each kind"

# fresh CACHE: as it was, with the same cache or with none
fresh() {
    chmod -R u+w repo
    rm -rf repo repo.cache out
    cp -a whole repo
    [ "$1" = none ] || cp -a whole.cache repo.cache
}
# hurt HOW PACK
hurt() {
    chmod u+w "$2"
    case $1 in
    gone) rm "$2" ;;
    cut) truncate -s -4096 "$2" ;;
    flip)
        old=$(od -An -tu1 -j 40000 -N 1 "$2" | tr -d ' ')
        printf '%b' "\\0$(printf %o $((old ^ 1)))" |
            dd of="$2" bs=1 seek=40000 conv=notrunc 2>/dev/null
        ;;
    esac
}
# again [--force]: the next backup, of what has not changed
again() {
    # shellcheck disable=SC2086 # a word or none
    expect 0 dedup snapshot -s s --print-id $1 src
    id=$(head -c 8 "$OUT")
}
# whole_again WHAT: it restores with either cache, and check does not accuse it:
# the pack, and an older snapshot whose directories lay there.
whole_again() {
    expect 0 dedup restore "latest:$PWD/src" --target out
    same src out
    rm -rf out
    dedup check --read-data >"$OUT" 2>"$ERR"
    ! grep -q "damaged: snapshot $id" "$ERR" ||
        run_fail "$1: the new snapshot is hurt"
    rm -rf repo.cache
    expect 0 dedup restore "latest:$PWD/src" --target out
    same src out
}

while read -r pack; do
    for cache in same none; do
        for force in "" --force; do
            for how in gone cut flip; do
                look=
                [ $how != flip ] || look=--read-data
                fresh $cache
                hurt $how "$pack"
                # shellcheck disable=SC2086 # a word or none
                expect 8 dedup check $look
                again "$force"
                whole_again "$how $cache $force"
            done
        done
    done
    # Without a check, a new cache sees what has gone or was cut.
    for how in gone cut; do
        fresh none
        hurt $how "$pack"
        again ""
        whole_again "$how, unchecked"
    done
done <packs

# A pack that comes back is relied on again: nothing is stored twice.
pack=$(xargs ls -S <packs | head -n 1)
for how in gone flip; do
    look=
    [ $how != flip ] || look=--read-data
    fresh same
    hurt $how "$pack"
    # shellcheck disable=SC2086
    expect 8 dedup check $look
    rm -f "$pack"
    cp -a "whole/${pack#repo/}" "$pack"
    # shellcheck disable=SC2086
    expect 0 dedup check $look
    expect 0 dedup snapshot -s s --force src
    [ "$(find repo/packs -type f -size +1000k | wc -l)" = \
        "$(find whole/packs -type f -size +1000k | wc -l)" ] ||
        run_fail "$how: what came back was stored again"
done

# What only looking at each byte has shown is not forgotten by a quick look.
fresh same
hurt flip "$pack"
expect 8 dedup check --read-data
expect 0 dedup check
again ""
whole_again "a quick look"

# A store that may only be read, a cache that may not be written.
if [ "$(id -u)" = 0 ]; then
    fresh same
    hurt gone "$pack"
    chmod -R a+rX repo
    chmod a+r repo.key
    chmod -R a+rX,a-w repo.cache
    as_nobody true
    expect 8 as_nobody dedup check
    err_has "dedup: check: damage was found*"
fi
