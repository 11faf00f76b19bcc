# shellcheck shell=sh
# A whole repository: the directories that lead to snapshots, and how they
# follow what others do.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

mkdir src
echo one >src/f
new_repo repo
expect 0 dedup snapshot -s web --time 2026-01-02T03:04:05 --tag keep src
echo two >src/f
expect 0 dedup snapshot -s web --time 2026-01-03T03:04:05 src
expect 0 dedup snapshot -s db --time 2026-01-03T03:04:05 src
for i in 1 2; do # in one second
    echo "$i" >src/twin
    expect 0 dedup snapshot -s main --time 2026-01-04T00:00:09 --tag twins src
done
mounted mnt
listed() {
    expect 0 ls "$1"
    shift
    out_is "$@"
}
listed mnt 'by-date
by-id
by-series
by-tag
latest'
listed mnt/by-series 'db
main
web'
listed mnt/by-series/web '2026-01-02T03:04:05
2026-01-03T03:04:05
latest'
listed mnt/by-date/2026/01 '02
03
04'
listed mnt/by-date/2026/01/03 '03:04:05_db
03:04:05_web'
listed mnt/by-tag 'keep
twins'
listed mnt/by-tag/keep '2026-01-02T03:04:05_web'
expect 0 cat "mnt/by-series/web/2026-01-02T03:04:05$PWD/src/f"
out_is one
expect 0 cat "mnt/by-series/web/latest$PWD/src/f"
out_is two
expect 0 dedup snapshots --json
ids=$(sed -n 's/.*"id":"\(........\).*/\1/p' "$OUT" | sort)
listed mnt/by-id "$ids"
listed mnt/by-series/main '2026-01-04T00:00:09
2026-01-04T00:00:09#02
latest'
listed mnt/by-tag/twins '2026-01-04T00:00:09_main
2026-01-04T00:00:09_main#02'
twins=$(cat mnt/by-tag/twins/*"$PWD/src/twin")

# There are no flags above the snapshots, and that can be asked.
expect 0 lsattr -d mnt mnt/by-id mnt/latest "mnt/latest$PWD/src"
for name in nope by-id/00000000 by-series/web/2026-01-02 by-date/2026/13; do
    expect 2 ls "mnt/$name"
done

# One file is one inode, whatever way leads there, in each mount anew.
there="by-series/web/2026-01-02T03:04:05$PWD/src/f"
number=$(stat -c %i "mnt/$there")
[ "$number" = "$(stat -c %i "mnt/by-tag/keep/2026-01-02T03:04:05_web$PWD/src/f")" ] ||
    run_fail "two numbers of one file"
unmounted mnt
mounted mnt
[ "$number" = "$(stat -c %i "mnt/$there")" ] || run_fail "another number"
[ "$twins" = "$(cat mnt/by-tag/twins/*"$PWD/src/twin")" ] ||
    run_fail "names of one second are others in the next mount"

# Nothing can be changed.
for change in "touch mnt/new" "rm mnt/$there" "mkdir mnt/by-tag/x" \
    "sh -c 'echo x >mnt/$there'" "chmod 777 mnt/$there"; do
    eval "$change" 2>"$ERR" && run_fail "$change"
    err_has '*Read-only file system*'
done

# New snapshots, tags and series come while it is mounted; forgotten ones go.
echo three >src/f
expect 0 dedup snapshot -s new src
soon test -d mnt/by-series/new
expect 0 cat "mnt/latest$PWD/src/f"
out_is three
expect 0 dedup tag --add late new
soon test -d mnt/by-tag/late

# A listing that goes on when one has come gives each name once.
cat >goes_on.py <<'PY'
import ctypes, os, subprocess, sys, time
there, command = sys.argv[1], sys.argv[2:]
fd = os.open(there, os.O_RDONLY)
room = ctypes.create_string_buffer(64) # for a name or two
before, names = len(os.listdir(there)), []
while (n := ctypes.CDLL(None).getdents64(fd, room, len(room))) > 0:
    at = 0
    while at < n:
        size = int.from_bytes(room.raw[at + 16:at + 18], sys.byteorder)
        names.append(room.raw[at + 19:at + size].split(b"\0")[0].decode())
        at += size
    if names[-1] == "latest" and command:
        subprocess.run(command, check=True)
        command = None
        while len(os.listdir(there)) == before:
            time.sleep(0.1)
print(*names)
PY
if command -v python3 >/dev/null; then
    expect 0 python3 goes_on.py mnt/by-series/new "$DEDUP" snapshot -s new src
    [ "$(tr ' ' '\n' <"$OUT" | grep -cx latest)" = 1 ] || run_fail "$(cat "$OUT")"
    [ "$(wc -w <"$OUT")" = 4 ] || run_fail "$(cat "$OUT")"
fi

# What somebody looks at stays until that is over: a prune takes all else.
exec 3<"mnt/$there"
expect 0 dedup forget web~1
soon sh -c "! test -e mnt/by-tag/keep"
expect 0 dedup prune
cat <&3 >got || run_fail "an open file is gone"
[ "$(cat got)" = one ] || run_fail "an open file is another"
exec 3<&-
expect 0 cat "mnt/latest$PWD/src/f"
out_is three
unmounted mnt
expect 0 dedup check --read-data
