# shellcheck shell=sh
# The kernel forgets a directory as soon as its listing is answered, and its
# number becomes that of another: the files that are read ahead are still those
# of the directory that was listed.
# shellcheck source=../mount/mount_kit.sh
. "$MOUNT_KIT"

slow=$(dirname "$DEDUP")/../tests/mount/libslow_reply.so
[ -f "$slow" ] || skip "$slow was not built"
grep -q '__[at]san_init' "$DEDUP" && skip "a sanitizer wants nothing preloaded"
echo 2 2>/dev/null >/proc/sys/vm/drop_caches || skip "caches cannot be dropped"

# D1 and D2 are found in another frame than all that is looked at before.
python3 - <<'PY'
import os
for d in ("D1", "D2", "W"):
    os.makedirs("src/" + d)
    for i in range(30):
        with open(f"src/{d}/f{i:02}", "w") as f:
            f.write(f"{d} {i:05}\n" * 20)
for n in range(4):
    os.makedirs(f"src/F{n}")
    for i in range(5000):
        open(f"src/F{n}/{os.urandom(60).hex()}-{i}", "w").close()
PY
new_repo repo
expect 0 dedup snapshot -s s src
export SLOW_REPLY="$PWD/now"
mkdir mnt
LD_PRELOAD=$slow "$DEDUP" mount --foreground "s:$PWD/src" mnt 2>err &
pid=$!
meanwhile "$pid" mountpoint -q mnt
cat >look.py <<'PY'
import os, sys, time
src = os.path.abspath("src")
os.chdir("mnt")
for name in sorted(os.listdir("W")):    # somebody who reads all there is
    open("W/" + name).read()
open(os.environ["SLOW_REPLY"], "w").close()
os.listdir("D1")
with open("/proc/sys/vm/drop_caches", "w") as f:
    f.write("2")
names = sorted(os.listdir(src + "/D2"))
for name in names:
    os.stat("D2/" + name)
time.sleep(3)
for name in names:
    assert open("D2/" + name).read() == open(src + "/D2/" + name).read(), name
print("right")
PY
expect 0 python3 look.py
out_is right
umount mnt
wait "$pid" || run_fail "exit $?: $(cat err)"
