# shellcheck shell=sh
# A snapshot that another key put into a series is not taken for the host's
# without a word.
new_repo repo
mkdir src
echo right >src/file
expect 0 dedup snapshot -s web src
for k in web thief; do
    expect 0 dedup key add --role write --label $k --new-key-file $k.key
done
quiet() {
    expect 0 dedup cat "$1:$PWD/src/file"
    err_is
}
warned() {
    expect 0 dedup cat "$1:$PWD/src/file"
    err_has "*was made with the key '$2', others of its series with '$3'*"
}
# The series was handed over by a full key.
expect 0 dedup --key-file web.key snapshot -s web src
id=$("$DEDUP" --key-file web.key snapshot -s web --print-id src)
quiet web
quiet latest

echo wrong >src/file
expect 0 dedup --key-file thief.key snapshot -s web src
warned web thief web
warned latest thief web
expect 0 dedup restore web --target back
err_has "*was made with the key 'thief'*"
quiet "$id"
warned web~1 web thief
expect 0 dedup key remove thief
warned web thief web
quiet web~1
expect 0 dedup key trust shared
quiet web
expect 0 dedup key trust own

# A series of its own, and what a full key made, are what they are.
expect 0 dedup --key-file web.key snapshot -s other src
quiet other
expect 0 dedup snapshot -s web src
quiet web
warned web~2 web first
