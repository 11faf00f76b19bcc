# shellcheck shell=sh
# The recovery sheet: everything back on a bare machine.
odd src
new_repo repo --recovery-sheet "$PWD/sheet.txt"
out_is
err_like '*made a new key*'
[ "$(stat -c %a sheet.txt)" = 600 ] || run_fail "the mode of the sheet"
[ "$(wc -L <sheet.txt)" -le 72 ] || run_fail "the sheet is too wide"
plain sheet.txt
grep -qx "    export DEDUP_REPO=$PWD/repo" sheet.txt ||
    grep -qx "    export DEDUP_REPO=DIRECTORY" sheet.txt ||
    run_fail "the sheet does not say where the repository was"
expect 0 dedup snapshot -s s src
cp repo/config config

# burn REPO: what a fire leaves of it, with a copy of the rest elsewhere. The
# cache is the burnt machine's too.
burn() {
    rm -rf "${1:?}/config" "${1:?}/keys" repo.key ./*.cache
}
# code_of FILE: the lines of a sheet as a text
code_of() {
    sed -n '/^BEGIN/,/^END/{/^[BE]/d;p}' "$1"
}

# What the sheet opens gets a new key, which the options of key add and key
# passwd name: those that open what is there say nothing of it.
recover() {
    dedup key recover --new-key-file repo.key "$@"
}

burn repo
expect 4 dedup snapshots
for old in --key-file --passphrase-file --passphrase-command --passphrase-fd; do
    expect 1 dedup $old 3 key recover --sheet sheet.txt --new-key-file repo.key
    err_is "dedup: key: $old names what opens a key that is there; give \
--new-${old#--} for the one that is made"
done
expect 1 dedup key recover --sheet sheet.txt
err_has 'dedup: key: no new passphrase, *--new-key-file'
[ ! -e repo/config ] || run_fail "a config was made before there was a secret"
expect 0 recover --sheet sheet.txt
out_is
err_like 'dedup: key: warning: made a new key in *'
cmp config repo/config || run_fail "the config is another one"
expect 0 dedup restore latest --target back
restored src "back$PWD/src"
expect 0 dedup check --read-data
echo more >src/more
expect 0 dedup snapshot -s s src
expect 0 dedup snapshots --json
[ "$(grep -c '"type":"snapshot"' "$OUT")" = 2 ] || run_fail "not two snapshots"

# Only the passphrase is lost: the other slots stay.
printf 'other words\n' >pass
expect 0 dedup --json key recover --sheet sheet.txt --new-passphrase-file pass
out_like '{"v":1,"type":"recovered","id":"????????????????????????????????","log":*}'
expect 0 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file pass snapshots
expect 0 dedup snapshots
expect 0 dedup key recover --sheet sheet.txt --new-passphrase-command 'echo more'
expect 0 env -u DEDUP_KEY_FILE DEDUP_PASSPHRASE=more "$DEDUP" snapshots
expect 0 dedup key recover --sheet sheet.txt --new-passphrase-fd 3 3<pass

# Every form, every way in.
expect 0 dedup key sheet sheet.svg
expect 0 dedup key sheet sheet.pdf
out_is
err_is
expect 0 dedup key sheet other.txt --json
out_is '{"v":1,"type":"recovery_sheet","file":"other.txt"}'
expect 0 dedup key sheet -
cp "$OUT" stdout.txt
code_of sheet.txt >lines
code_of stdout.txt >other
cmp other lines || run_fail "standard output has another sheet"
tr -d ' ' <lines | tr '[:upper:]01' '[:lower:]oi' >small
sed -i 's/^i:/1:/' small
tac lines >backwards
tr '\n' ' ' <lines >one-line
for form in sheet.svg sheet.pdf lines small backwards one-line; do
    burn repo
    expect 0 recover --sheet $form
    expect 0 dedup snapshots
    burn repo
    expect 0 sh -c "cat $form |
        '$DEDUP' key recover --new-key-file repo.key --sheet -"
    expect 0 dedup snapshots
done

have() {
    for tool; do
        command -v "$tool" >/dev/null || return 1
    done
}

# What a scanner reads from the printed page.
if have zbarimg rsvg-convert pdftoppm pdftotext; then
    rsvg-convert -d 150 -p 150 -b white sheet.svg -o svg.png ||
        run_fail "the SVG cannot be drawn"
    pdftoppm -r 150 -png sheet.pdf pdf || run_fail "the PDF cannot be drawn"
    for picture in svg.png pdf-1.png; do
        zbarimg -q --raw $picture >scanned 2>zbar.err ||
            run_fail "the QR code of $picture cannot be read"
        tr -d ' \n' <lines >want
        tr -d ' \n' <scanned | cmp - want || run_fail "$picture differs"
        burn repo
        expect 0 recover --sheet scanned
    done
    # and who has no scanner reads the same
    pdftotext -layout sheet.pdf shown
    sed 's/^/ /' lines | while read -r line; do
        grep -qF "$line" shown || run_fail "the PDF does not show '$line'"
    done || exit 1
else
    no_scanner='zbarimg, rsvg-convert, pdftoppm or pdftotext is not installed'
fi

# A typing error is named by its line, and nothing is done.
find repo -type f | sort >before
n=$(wc -l <lines)
for i in $(seq "$n"); do
    sed "${i}s/\(: .\{7\}\)./\1#/" lines >typed
    expect 5 recover --sheet typed
    err_is "dedup: key: recovery sheet: mistyped: line $i"
    sed "${i}y/0123456789ABCDEF/1234567890BCDEFA/;${i}s/^[0-9]*/$i/" lines >typed
    expect 5 recover --sheet typed
    err_is "dedup: key: recovery sheet: mistyped: line $i"
    sed "${i}d" lines >typed
    expect 5 recover --sheet typed
    err_like "dedup: key: recovery sheet: *missing*"
done
sed '2s/: ./: #/;4s/: ./: #/' lines >typed
expect 5 recover --sheet typed
err_is "dedup: key: recovery sheet: mistyped: lines 2, 4"
for text in '' words '1: ABCD' '7 dwarves' "$(head -c 300 /dev/zero | tr '\0' x)"; do
    printf '%s\n' "$text" >typed
    expect 5 recover --sheet typed
done
expect 1 recover --sheet nosuch
err_is "dedup: key: nosuch: No such file or directory"
find repo -type f | sort | cmp - before || run_fail "something was written"

# Another repository's, or another config.
mkdir keep
cp -a repo/config keep
(
    new_repo two --recovery-sheet two.txt
) || exit 1
expect 5 recover --sheet two.txt
err_like "dedup: key: */repo: the sheet is of another repository: of *"
rm repo/config
expect 5 recover --sheet two.txt
err_like "dedup: key: */repo: the sheet is of another repository: of *"
[ ! -e repo/config ] || run_fail "another repository's config was written"
cp two/config repo/config
expect 5 recover --sheet sheet.txt
printf x >>repo/config
expect 10 recover --sheet sheet.txt
err_like "dedup: key: */repo: its config is not what the sheet gives: *"
cp -a keep/config repo/config
mkdir empty
expect 4 dedup -r empty key recover --new-key-file x --sheet sheet.txt
expect 4 dedup -r nowhere key recover --new-key-file x --sheet sheet.txt
rmdir empty || run_fail "something was left in an empty directory"

# Where a sheet may go.
expect 1 dedup key sheet sheet.txt
err_is "dedup: key: sheet.txt: is there already, and is not written over: name a new file"
ln -s target link
expect 1 dedup key sheet link
[ ! -e target ] || run_fail "the sheet was written through a link"
expect 10 dedup key sheet repo/sheet.txt
err_like "dedup: key: repo/sheet.txt: in the repository, *"
expect 10 dedup key sheet repo/keys/../sheet.txt
expect 1 dedup key sheet
err_has "dedup: key: key sheet: which file *"
expect 1 dedup key sheet - --json
expect 1 on_terminal '' "$DEDUP" key sheet -
out_has '*not shown on a terminal*'
expect 5 env DEDUP_KEY_FILE=two.key "$DEDUP" key sheet new.txt
[ ! -e new.txt ] || run_fail "a file without a sheet was left behind"
expect 1 recover
expect 1 recover --sheet sheet.txt more
expect 1 dedup key lock
err_has "dedup: key: key 'lock': must be one of *"

# init: no sheet without a repository, no repository without its sheet's file.
expect 10 dedup init --recovery-sheet new.txt
[ ! -e new.txt ] || run_fail "init made a sheet of nothing"
expect 1 dedup -r three init --recovery-sheet sheet.txt
[ ! -e three ] || run_fail "a repository was made without its sheet"
expect 1 env -u DEDUP_KEY_FILE "$DEDUP" -r three init --passphrase-file nopass \
    --recovery-sheet new.txt
[ ! -e new.txt ] || run_fail "init made a sheet of nothing"
[ ! -e three ] || run_fail "a directory was made for nothing"
expect 1 dedup -r three init --json --recovery-sheet -
[ ! -e three ] || run_fail "a repository was made without its sheet"
expect 0 dedup -r three init --recovery-sheet - --chunk-size 16K --compression 7
cp "$OUT" three.txt
cp three/config config
rm -r three/config three/keys
expect 0 dedup -r three key recover --new-key-file repo.key --sheet three.txt
cmp config three/config || run_fail "the config of another kind is another one"

# After keys were rotated the old sheet still works, and so does the new one.
burn repo
expect 0 recover --sheet sheet.txt
expect 0 dedup key rotate
echo again >src/again
expect 0 dedup snapshot -s s src
expect 0 dedup key sheet two-epochs.svg
for form in sheet.txt two-epochs.svg; do
    burn repo
    expect 0 recover --sheet $form
    expect 0 dedup restore latest --target "back-$form"
    restored src "back-$form$PWD/src"
    expect 0 dedup snapshot -s s src
    expect 0 dedup check
done
# A repository that lost the rotation is older than its sheet.
burn repo
mv repo/log/0000000000000001 record
expect 8 recover --sheet two-epochs.svg
err_like "dedup: key: */repo is older than its recovery sheet: its log record 1 is missing*"
[ ! -e repo/config ] || run_fail "an old repository was given a config"
mv record repo/log/0000000000000001

# Typed on a terminal, line by line; the first one is wrong at first.
burn repo
typed=$(printf 'Z%s\\n' "$(sed -n '1s/^1: .//p' lines)"
    sed 's/^[0-9]*: *//;s/$/\\n/' lines | tr -d '\n')
expect 0 on_terminal "${typed}new words\\nnew words\\n" \
    "$DEDUP" key recover --sheet -
out_has '*line 1 is mistyped*'
out_has '*has its config and a key again*'
printf 'new words\n' >pass
expect 0 env -u DEDUP_KEY_FILE "$DEDUP" --passphrase-file pass snapshots

# The shell that reads the page finds the place.
mkdir "it's a place"
expect 0 dedup -r "it's a place/r" init --recovery-sheet place.txt
if command -v bash >/dev/null && ! grep -q '=DIRECTORY$' place.txt; then
    # shellcheck disable=SC2016 # for bash
    where=$(bash -c "$(sed -n 's/^ *export/export/p' place.txt)"'; echo "$DEDUP_REPO"')
    [ "$where" = "$PWD/it's a place/r" ] || run_fail "the page says: $where"
fi
[ -z "${no_scanner-}" ] || skip "QR codes: $no_scanner"
