# shellcheck shell=sh
# What a terminal gets, and what it does not.
mkdir src
for i in $(seq 20); do
    head -c 5000000 /dev/urandom >"src/random$i"
done
new_repo repo
seen() {
    expect 0 on_terminal '' "$@"
    tr -d '\r' <"$OUT" >seen
}
escapes() {
    grep -q "$(printf '\033')" seen
}

# The summary: three lines.
TERM=xterm seen "$DEDUP" snapshot -s s src
[ "$(grep -c 'dedup: snapshot: ' seen)" = 3 ] || run_fail "not three lines"
grep -q 's: 20 files, [0-9,]* directories, 100 MB$' seen || run_fail "the first line"
grep -q '0 files unchanged; 100 MB new, 1.. MB stored$' seen ||
    run_fail "the second line"
grep -q 'done in .*; 0 unreadable, 0 vanished, 0 changing$' seen ||
    run_fail "the third line"

# The status line comes and goes. The run lasts until it is there; where there
# is to be none, longer than the fifth of a second after which it would be.
cat >slow <<'END'
#!/bin/sh
echo one
[ -n "${STATUS-}" ] || sleep 1
until [ -z "${STATUS-}" ] || grep -q "$(printf '\033')" "$OUT"; do
    sleep 0.02
done
echo two
END
chmod +x slow
slow() {
    seen "$DEDUP" snapshot -s slow "$@" --command out -- ./slow
}
STATUS=1 TERM=xterm slow
escapes || run_fail "no status line on a terminal"
[ "$(grep -c 'dedup: snapshot: ' seen)" = 3 ] || run_fail "it does not go"
# A terminal that can do nothing gets no status line, nor with -q.
TERM=dumb slow
escapes && run_fail "escape sequences on a dumb terminal"
grep -q 'done in' seen || run_fail "no summary on a dumb terminal"
TERM=xterm slow -q
[ ! -s seen ] || run_fail "-q speaks"
# There are no colours to be switched off, and NO_COLOR changes nothing else.
TERM=xterm NO_COLOR=1 seen "$DEDUP" snapshots
escapes && run_fail "colours with NO_COLOR"
TERM=xterm seen "$DEDUP" snapshots
escapes && run_fail "colours"

# Lists are made to fit.
long=$(printf '%090d' 7)
expect 0 dedup snapshot -s "$long" src
on_terminal '' "stty cols 70; $DEDUP snapshots" >"$OUT" 2>"$ERR"
tr -d '\r' <"$OUT" | LC_ALL=C.UTF-8 awk 'length($0) > 70 { print; bad = 1 }
    END { exit bad }' >wide || run_fail "wider than the terminal: $(cat wide)"
grep -q 0007 "$OUT" || run_fail "the end of a cut name is missing"
expect 0 dedup snapshots
out_has "*$long*"

# Without one: nothing when all is well, unless asked for.
expect 0 dedup snapshot -s s src
err_is
expect 0 dedup snapshot -s s src -v
[ "$(wc -l <"$ERR")" -ge 3 ] || run_fail "-v says nothing"
plain "$ERR"
