# shellcheck shell=sh
# Which metadata a restore brings back.
[ "$(id -u)" = 0 ] || skip "owners of others take root"
for tool in setfattr getfattr setfacl getfacl; do
    command -v $tool >/dev/null || skip "$tool is not installed"
done
mkdir src src/d
echo text >src/f
setfattr -n user.a -v one src/f 2>/dev/null ||
    skip "this file system has no attributes"
setfattr -n user.b -v two src/f
setfattr -n trusted.c -v three src/f
setfacl -m u:12345:r src/f src/d
chown -R 12345:12346 src
chmod 6755 src/f
chown 12345:12346 src/f
chmod 6755 src/f
new_repo repo
expect 0 dedup snapshot src
from="latest:$PWD/src"

# attrs FILE...: the names of its attributes
attrs() {
    getfattr -h -m - --absolute-names "$@" | grep -v '^#' | sort | xargs
}
all=$(attrs src/f)
[ "$all" = "system.posix_acl_access trusted.c user.a user.b" ] ||
    skip "attributes are $all"

# Nobody's owner: the files are ours, and gain nobody else's rights by that.
expect 0 dedup restore "$from" -t out --no-owner
[ "$(stat -c %u:%g out/f out/d | xargs)" = "0:0 0:0" ] ||
    run_fail "owners were restored"
[ "$(stat -c %a out/f)" = 755 ] || run_fail "set-id bits came with our owner"
[ "$(attrs out/f)" = "$all" ] || run_fail "attributes are missing"
expect 0 dedup restore "$from" -t out --no-owner --dry-run --json
! grep -q '"outcome":"written"' "$OUT" || run_fail "and again"
# What is there keeps its owner, and the bits if that is the stored one.
chown 12345:7 out/f
expect 0 dedup restore "$from" -t out --no-owner
[ "$(stat -c %u:%g:%a out/f)" = 12345:7:4755 ] ||
    run_fail "an owner that is there: $(stat -c %u:%g:%a out/f)"
expect 0 dedup restore "$from" -t out
[ "$(stat -c %u:%g:%a out/f)" = 12345:12346:6755 ] ||
    run_fail "the owner did not come back"

# No attributes; those of a file that is there are none of ours.
rm -rf out
expect 0 dedup restore "$from" -t out --no-xattrs
[ -z "$(attrs out/f)$(attrs out/d)" ] || run_fail "attributes were restored"
[ "$(stat -c %a out/f)" = "$(stat -c %a src/f)" ] || run_fail "another mode"
setfattr -n user.b -v mine out/f
setfattr -n user.own -v mine out/f
expect 0 dedup restore "$from" -t out --no-xattrs
[ "$(attrs out/f)" = "user.b user.own" ] || run_fail "attributes were removed"

# Some: what matches is as stored, the rest as it is.
expect 0 dedup restore "$from" -t out --xattr-include 'user.[ab]' \
    --xattr-include 'system.posix_acl_*'
[ "$(attrs out/f)" = "system.posix_acl_access user.a user.b user.own" ] ||
    run_fail "chosen attributes: $(attrs out/f)"
[ "$(getfattr --only-values -n user.b out/f)" = two ] || run_fail "user.b"
expect 0 dedup restore "$from" -t out --xattr-include 'user.*'
[ "$(attrs out/f)" = "system.posix_acl_access user.a user.b" ] ||
    run_fail "what matches and is not stored stayed: $(attrs out/f)"
expect 0 dedup restore "$from" -t out
restored src out
expect 1 dedup restore "$from" -t out --no-xattrs --xattr-include 'user.*'
