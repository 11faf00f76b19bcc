# shellcheck shell=sh
# How far it is: on a terminal, in its width; plain lines anywhere; none.
new_repo repo --compression 19
mkdir -p "src/a directory of a long name"
# work FILES: what keeps level 19 busy, under names that must not reach a
# terminal as they are
work() {
    rm -rf src/*/*
    for i in $(seq "$1"); do
        seq "$i" 600000 >"src/a directory of a long name/$(printf 'esc\033]0;x\007')$i"
    done
}

# drawn COLUMNS FILES: the lines that a terminal of that width was sent, one a
# line, in `lines`
drawn() {
    work "$2"
    on_terminal '' "stty cols $1; TERM=xterm $DEDUP snapshot -s s$1-$2 src" \
        >"$OUT" 2>"$ERR" || run_fail "no snapshot"
    tr '\r' '\n' <"$OUT" | sed -n "s/^$(printf '\033')\[K\(snapshot  .*\)/\1/p" >lines
}

for columns in 80 40; do
    files=8
    drawn $columns $files
    until grep -q ' files ' lines && { [ $columns = 40 ] || grep -q '/' lines; } ||
        [ $files -gt 200 ]; do
        files=$((files * 2))
        drawn $columns $files
    done
    grep -q 'snapshot  .* files  ' lines || run_fail "no line: $(cat lines)"
    sed 's/…/-/g' lines | awk -v max=$columns 'length($0) >= max {
        print; bad = 1 } END { exit bad }' >wide ||
        run_fail "too wide: $(cat wide)"
    # a name is escaped; what else begins a sequence is ours
    if grep -q "$(printf '\033')\\]\|$(printf '\007')" "$OUT"; then
        run_fail "a name steers the terminal"
    fi
    [ $columns = 40 ] || grep -q '  /.*…' lines || run_fail "no path: $(cat lines)"
done

# Lines that stay, without a terminal.
cat >slow <<'END'
#!/bin/sh
echo one
[ -z "${WAIT-}" ] || sleep "$WAIT"
n=0
until [ -n "${WAIT-}" ] || grep -q 'snapshot  0 files' "$ERR" || [ $n -gt 3000 ]; do
    sleep 0.02
    n=$((n + 1))
done
END
chmod +x slow
expect 0 dedup snapshot -s plain --progress=plain --command out -- ./slow
out_is
err_has 'snapshot  0 files  *'
plain "$ERR"
# ... not with -q, nor unless they are asked for.
WAIT=1.3 expect 0 dedup snapshot -s plain -q --progress=plain --command out -- ./slow
err_is
WAIT=1.3 expect 0 dedup snapshot -s plain --command out -- ./slow
err_is
expect 1 dedup snapshot -s plain --progress=often src
err_has '*auto*plain*none*'

# None on a terminal either; a file may say so, and the command line otherwise.
none() {
    on_terminal '' "TERM=xterm WAIT=1 $DEDUP snapshot $* -s none --command out -- ./slow" >"$OUT" 2>"$ERR" ||
        run_fail "no snapshot"
    ! grep -q "$(printf '\033')" "$OUT"
}
none --progress=none || run_fail "it draws"
echo 'progress: none' >conf.yaml
none --config conf.yaml || run_fail "it draws"
none --config conf.yaml --progress=auto && run_fail "it does not draw"
