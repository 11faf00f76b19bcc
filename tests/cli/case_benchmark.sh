# shellcheck shell=sh
# How fast it is nobody can test; that all is measured, and nothing is left, is.
mkdir disk
: >disk/mine
new_repo repo
ls -R disk repo >before

expect 0 dedup benchmark disk
err_is
plain "$OUT"
for what in 'disk write' 'disk read' chunker blake3 aes-256-gcm \
    chacha20-poly1305; do
    out_has "$what *[0-9] MB/s"
done
for level in 1 3 9 19; do
    out_has "zstd $level *[0-9] MB/s  1:[0-9]*.[0-9][0-9]"
done

ls -R disk repo >after
same before after

# The repository's disk, as lines.
expect 0 dedup benchmark --json
[ "$(wc -l <"$OUT")" = 10 ] || run_fail "not ten lines"
out_has '{"v":1,"type":"benchmark","what":"disk write","bytes_per_second":[1-9]*,"bytes":[1-9]*,"ns":[1-9]*}'
out_has '{"v":1,"type":"benchmark","what":"zstd 3",*,"out_bytes":[1-9]*}'
# a level makes it smaller than those below it, as it does with what people keep
grep '"what":"zstd ' "$OUT" | sed 's/.*"bytes":\([0-9]*\),.*"out_bytes":\([0-9]*\).*/\1 \2/' |
    awk '{ ratio = $1 / $2; if (ratio < last * 1.02 || ratio > 6) exit 1; last = ratio }
        END { if (NR != 4) exit 1 }' || run_fail "of what is this the ratio?"
# not more than it may
while IFS= read -r line; do
    case $line in *'"disk '*)
        bytes=${line#*'"bytes":'}
        [ "${bytes%%,*}" -le 268435456 ] || run_fail "too much: $line"
        ;;
    esac
done <"$OUT"

# Nothing is left, also of one that is killed while it writes.
"$DEDUP" benchmark disk >"$OUT" 2>"$ERR" &
pid=$!
# shellcheck disable=SC2317 # meanwhile calls it
writes() {
    find "/proc/$pid/fd" -lname '*(deleted)' | grep -q .
}
meanwhile $pid writes
kill -KILL $pid
wait $pid
ls -R disk repo >after
same before after

# Where nothing can be made.
expect 1 dedup benchmark no-such-directory
out_is
err_has '*no-such-directory*'
# Without a disk there is the machine alone.
unset DEDUP_REPO
expect 0 dedup benchmark
[ "$(wc -l <"$OUT")" = 8 ] || run_fail "not eight lines"
