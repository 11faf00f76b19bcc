# shellcheck shell=sh
# Everything odd is the same as its snapshot, where it stands and restored.
[ "$(id -u)" = 0 ] || skip "others may not read all that is odd"
odd src
new_repo repo
expect 0 dedup snapshot -s s src
expect 0 dedup diff s --live src
out_is
err_is
expect 0 dedup restore "s:$PWD/src" --target back
expect 0 dedup diff "s:$PWD/src" --live back
out_is
err_is
