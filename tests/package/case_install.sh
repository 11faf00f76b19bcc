# shellcheck shell=sh
# `cmake --install --prefix`: the program, its pages, an example of a
# configuration that holds, and units that systemd takes.
BUILD=$(dirname "$DEDUP")/..
command -v cmake >/dev/null || skip "cmake is not installed"
expect 0 cmake --install "$BUILD" --prefix "$PWD/p"

expect 0 p/bin/dedup version
for page in dedup dedup-snapshot dedup-restore; do
    [ -s "p/share/man/man1/$page.1" ] || run_fail "no page $page"
done

# The example says what it seems to say, and leaves nothing unknown.
example=$PWD/p/share/doc/dedup/dedup.yaml.example
expect 0 dedup config show --config "$example"
out_has "*repo: /backup/srv *"
out_has "*passphrase-file: /etc/dedup/passphrase *"
out_has "  - name: system  # *dedup.yaml.example:*"
out_has "*exclude-caches: true *"
# The job that it holds as a comment is right, too.
sed 's/^  #\([- ] \)/  \1/; s/^  #  /    /' "$example" >all.yaml
expect 0 dedup config show --config "$PWD/all.yaml"
out_has "*name: shop*"
out_has "*command: /dumps/shop.sql *"
# As it stands it backs up, once paths and repository are there.
mkdir -p tree/cache
echo data | tee tree/a tree/b.tmp tree/cache/c >/dev/null
printf 'Signature: 8a477f597d28d172789f06886806bc55\n' >tree/cache/CACHEDIR.TAG
echo pass >pass
sed "s,/backup/srv,$PWD/repo,; s,/etc/dedup/passphrase,$PWD/pass,
    s,^    paths: .*,    paths: [ $PWD/tree ]," "$example" >c.yaml
export DEDUP_CONFIG="$PWD/c.yaml"
expect 0 dedup init
expect 0 dedup snapshot
expect 0 dedup ls -R "latest:$PWD/tree"
out_is "$PWD/tree/a
$PWD/tree/cache
$PWD/tree/cache/CACHEDIR.TAG"

units=$PWD/p/lib/systemd/system
for unit in snapshot.service snapshot.timer check.service check.timer; do
    [ -s "$units/dedup-$unit" ] || run_fail "no unit dedup-$unit"
done
grep -qx 'ExecStart=dedup snapshot --all-jobs' "$units/dedup-snapshot.service" ||
    run_fail "what does dedup-snapshot.service run?"
grep -qx 'Persistent=true' "$units/dedup-snapshot.timer" ||
    run_fail "dedup-snapshot.timer forgets nights"

# A program that tells the passphrase is the same for both: what it may ask does
# not depend on the day of the week.
grep -h '^RestrictAddressFamilies=\|^PrivateDevices=' "$units/dedup-snapshot.service" >families
grep -h '^RestrictAddressFamilies=\|^PrivateDevices=' "$units/dedup-check.service" >families.check
same families families.check
mounts=$PWD/p/share/doc/dedup/hooks-that-mount.conf.example

command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
# The program is where systemd looks for it only on a machine that has it.
mkdir checked
for unit in "$units"/*; do
    sed "s,^ExecStart=dedup ,ExecStart=$DEDUP ," "$unit" >"checked/${unit##*/}"
done
for unit in checked/*; do
    expect 0 systemd-analyze verify --man=no --recursive-errors=no "$unit"
    ! grep -E 'checked/|dedup-' "$ERR" || run_fail "systemd finds fault with $unit"
done
# The example of a drop-in: with all of its lines it is no fault either, and it
# is only with it that hooks may mount.
mkdir checked/dedup-snapshot.service.d
for may in is "is not"; do
    [ "$may" = is ] || sed 's/^#\([A-Z][A-Za-z]*=\)/\1/' "$mounts" \
        >checked/dedup-snapshot.service.d/hooks-that-mount.conf
    expect 0 systemd-analyze verify --man=no --recursive-errors=no checked/dedup-snapshot.service
    ! grep -E 'checked/|dedup-' "$ERR" || run_fail "systemd finds fault with the drop-in"
    expect 0 systemd-analyze security --offline=true --threshold=100 --no-pager \
        checked/dedup-snapshot.service
    out_has "*@mount $may included*"
done
expect 0 systemd-analyze calendar --iterations=3 \
    "$(sed -n 's/^OnCalendar=//p' "$units/dedup-check.timer")"
