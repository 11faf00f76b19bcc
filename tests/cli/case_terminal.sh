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

# Lists are made to fit: less important columns give way, names are cut in the
# middle, no line is wrapped. Without a terminal they are whole.
# narrow COLUMNS ARG...
narrow() {
    on_terminal '' "stty cols $1; $DEDUP $2" >"$OUT" 2>"$ERR"
    tr -d '\r' <"$OUT" >seen
    [ "$(LC_ALL=C.UTF-8 wc -L <seen)" -le "$1" ] || run_fail "wider than $1 columns"
    head -1 seen >titles
}
long=$(printf '%090d' 7)
expect 0 dedup snapshot -s "$long" --tag "$long" src
narrow 100 snapshots
grep -q '^id  *time  *series  *files  *size  *added  *tags$' titles || run_fail "titles at 100"
narrow 80 snapshots
grep -q '^id  *time  *series  *files  *size  *tags$' titles || run_fail "titles at 80"
grep -q 0007 "$OUT" || run_fail "the end of a cut name is missing"
narrow 79 snapshots
grep -q '^id  *time  *series  *size  *tags$' titles || run_fail "titles at 79"
narrow 59 snapshots
grep -q '^id  *time  *series  *tags$' titles || run_fail "titles at 59"
narrow 40 snapshots
grep -q '^id  *time  *series$' titles || run_fail "titles at 40"
narrow 39 snapshots
grep -q '^id  *time$' titles || run_fail "titles at 39"
for columns in 100 80 40; do
    narrow "$columns" 'key list'
    grep -q "$(dedup key list | awk '/^\*/ { print $(NF - 2) }')" "$OUT" ||
        run_fail "the key is missing at $columns"
done
narrow 40 help
narrow 40 'help snapshot'
grep -qx '  -e, --exclude PATTERN' seen || run_fail "an option has no line of its own"
# What fits needs no cut: a wide table is whole wherever it has room.
narrow 80 'snapshots -s s'
grep -q '^id  *time  *series  *files  *size  *added  *tags$' titles || run_fail "titles of short rows"
expect 0 dedup snapshots
out_has "*$long*$long*"

# Without one: nothing when all is well, unless asked for.
expect 0 dedup snapshot -s s src
err_is
expect 0 dedup snapshot -s s src -v
[ "$(wc -l <"$ERR")" -ge 3 ] || run_fail "-v says nothing"
plain "$ERR"
