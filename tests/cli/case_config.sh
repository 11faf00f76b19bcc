# shellcheck shell=sh
# The configuration file: docs/config.md. Which file, what it may say, what is
# wrong with one, and what wins.
odd src
echo 1 >src/keep.txt
echo 2 >src/drop.tmp
new_repo repo
KEY=$DEDUP_KEY_FILE
unset DEDUP_REPO DEDUP_KEY_FILE DEDUP_CACHE_DIR

# says TEXT: the whole configuration
says() {
    cat >c.yaml
    chmod 600 c.yaml
}

# refused WHAT: any command names the place and does nothing
refused() {
    expect 1 dedup --config c.yaml snapshots
    out_is
    err_is "dedup: snapshots: c.yaml$1"
}

says <<EOF
repo: $PWD/repo
key-file: $KEY
cache-dir: $PWD/cache
x-mine: &patterns [ '*.tmp', '/nowhere' ]
defaults:
  exclude: *patterns
  x-note: [ any, { thing: at all } ]
jobs:
  - name: tree
    paths: $PWD/src
    tag: [ a, b ]
    retention:
      keep-daily: 7
      keep-tag: [ a, b ]
EOF

# Each command has repository, secret and cache from it.
expect 0 dedup --config c.yaml snapshot
expect 0 env DEDUP_CONFIG=c.yaml "$DEDUP" snapshots
out_has "*tree*a,b"
expect 0 dedup --config c.yaml ls "$(hostname)@tree:$PWD/src"
out_has "*keep.txt"
! grep -q drop.tmp "$OUT" || run_fail "the default excludes did not count"
# What a default leaves out of snapshots is not left out of restores.
expect 0 dedup --config c.yaml snapshot --exclude '!*' -s all src
expect 0 dedup --config c.yaml restore all --target out
[ -e "out$PWD/src/drop.tmp" ] || run_fail "a restore heeded the excludes of jobs"
# Paths on the command line: no job, its defaults all the same.
expect 0 dedup --config c.yaml snapshot --print-id "$PWD/src"
expect 0 dedup --config c.yaml ls -R "$(cat "$OUT")"
! grep -q drop.tmp "$OUT" || run_fail "the defaults did not count for paths"

# The usual places: the user's file, and nothing where there is none.
mkdir -p "$HOME/.config/dedup" x/dedup
cp c.yaml "$HOME/.config/dedup/dedup.yaml"
expect 0 dedup snapshots
cp c.yaml x/dedup/dedup.yaml
echo 'nonsense: 1' >>x/dedup/dedup.yaml
expect 1 env XDG_CONFIG_HOME="$PWD/x" "$DEDUP" snapshots
err_like "dedup: snapshots: $PWD/x/dedup/dedup.yaml:15: unknown key 'nonsense'*"
expect 1 dedup --config /dev/null snapshots
err_like "*repository*"
expect 1 dedup --config nowhere.yaml snapshots
err_is "dedup: snapshots: nowhere.yaml: No such file or directory"
expect 0 dedup --config nowhere.yaml help
rm "$HOME/.config/dedup/dedup.yaml"

# What wins: command line, environment, job, defaults, top.
says <<EOF
repo: $PWD/nowhere
key-file: $KEY
cache-dir: $PWD/cache
defaults: { strict: true, tag: default }
jobs:
  - name: tree
    repo: $PWD/nowhere-else
    tag: job
    strict: false
    paths: $PWD/src
EOF
expect 0 dedup --config c.yaml config show --job tree -r there --json
out_has '*"key":"repo","value":"there","origin":"--repo"*'
expect 0 env DEDUP_REPO=there "$DEDUP" --config c.yaml config show --job tree
out_has "    repo: there  # DEDUP_REPO"
expect 0 dedup --config c.yaml config show
out_has "repo: $PWD/nowhere  # c.yaml:1"
out_has "    repo: $PWD/nowhere-else  # c.yaml:7"
out_has "    tag: job  # c.yaml:8"
out_has "    strict: false  # c.yaml:9"
expect 4 dedup --config c.yaml snapshot
err_like "*nowhere-else*"
expect 4 dedup --config c.yaml snapshot src
err_like "*$PWD/nowhere:*"
expect 0 dedup --config c.yaml snapshot -r repo --tag mine
expect 0 dedup --config c.yaml snapshots -r repo --json
out_has '*"tags":?{"tag":"mine"}?*'
# A secret that is named nearer puts those further away aside.
echo wrong >pass
expect 5 dedup --config c.yaml snapshots -r repo --passphrase-file pass
expect 5 env DEDUP_PASSPHRASE=wrong "$DEDUP" --config c.yaml snapshots -r repo
echo "passphrase-file: $PWD/pass" >>c.yaml
expect 1 dedup --config c.yaml snapshots -r repo
err_like "*give one of c.yaml:2: key-file and c.yaml:11: passphrase-file, not both"

# Secrets are not shown.
says <<EOF
passphrase-command: echo s3cret
jobs:
  - { name: db, command: db.sql, run: [ pg_dump, --password=s3cret ] }
EOF
expect 0 env DEDUP_PASSPHRASE=s3cret "$DEDUP" --config c.yaml config show
! grep -q s3cret "$OUT" "$ERR" || run_fail "a secret was shown"
out_has "# passphrase: (hidden)  # DEDUP_PASSPHRASE"
! grep -q passphrase-command "$OUT" || run_fail "two secrets"
out_has "      - pg_dump  # c.yaml:3"
expect 0 dedup --config c.yaml config show
out_has "passphrase-command: (hidden)  # c.yaml:1"
expect 0 env DEDUP_PASSPHRASE=s3cret "$DEDUP" --config c.yaml config show --json
! grep -q s3cret "$OUT" || run_fail "a secret was shown as JSON"

# What is wrong with it, line by line.
wrong() {
    printf '%b' "$1" | says
    refused "$2"
}
wrong 'rpeo: x\n' ":1: unknown key 'rpeo'; did you mean 'repo'?"
wrong '\nfrobnicate: x\n' ":2: unknown key 'frobnicate'"
wrong 'repo: a\n\nrepo: b\n' ":3: 'repo' stands here and in line 1"
wrong 'repo: [ a ]\n' ":1: repo: needs one value, not a list or a mapping"
wrong 'repo:\n' ":1: repo: a value that is empty"
wrong 'quiet: yes\n' ":1: quiet: needs true or false"
wrong 'quiet: "true"\n' ":1: quiet: needs true or false"
wrong 'exclude: x\n' ":1: exclude: belongs below 'defaults' or into a job"
wrong 'json: true\n' ":1: json: is an option of the command line only"
wrong 'defaults: { repo: x }\n' \
    ":1: repo: belongs at the top or into a job"
wrong 'defaults: { checkpoint: soon }\n' \
    ":1: checkpoint: 'soon' is not a duration (like 1d12h)"
wrong 'defaults: [ a ]\n' ":1: defaults: needs keys with values"
wrong 'jobs: { a: b }\n' ":1: jobs: needs a list: each job begins with '- name:'"
wrong 'jobs:\n- paths: [ /a ]\n' ":2: a job without a name"
wrong 'jobs:\n- name: a b\n' ":2: name: 1 to 50 of A-Z a-z 0-9 . _ @ + -"
wrong 'jobs:\n- name: a\n' ":2: a: needs 'paths' or 'files-from', or else 'command' and 'run'"
wrong 'jobs:\n- { name: a, paths: [] }\n' ":2: paths: a list of nothing"
wrong 'jobs:\n- { name: a, paths: /x, run: y }\n' \
    ":2: a: 'command', the name that its output gets, and 'run', its words, go together"
wrong 'jobs:\n- { name: a, paths: /x, command: x, run: y }\n' \
    ":2: a: needs 'paths' or 'files-from', or else 'command' and 'run'"
wrong 'jobs:\n- { name: a, paths: /x }\n- { name: a, paths: /x }\n' \
    ":3: job 'a' stands here and in line 2"
wrong 'jobs:\n- { name: a, paths: /x, retention: { keep-dayly: 3 } }\n' \
    ":2: unknown key 'keep-dayly' in retention; did you mean 'keep-daily'?"
wrong 'jobs:\n- { name: a, paths: /x, retention: { keep-daily: [ 3 ] } }\n' \
    ":2: keep-daily: needs one value"
wrong 'default-job: other\njobs:\n- { name: a, paths: /x }\n' \
    ":1: there is no job 'other'"
# A null is no value, and what is named must not depend on where one stands.
wrong 'repo: ~\n' ":1: repo: a null, which is no value; in quotes it is a word"
wrong 'jobs:\n- name: null\n' ":2: name: a null, which is no value; in quotes it is a word"
wrong 'defaults: { tag: [ a, Null ] }\n' ":1: tag: a null, which is no value; in quotes it is a word"
wrong '\nrepo: srv\n' ":2: repo: 'srv' must be absolute"
wrong 'repo: "~"\n' ":1: repo: '~' must be absolute: '~' means nothing here"
wrong 'cache-dir: ~/x\n' ":1: cache-dir: '~/x' must be absolute: '~' means nothing here"
wrong 'passphrase-file: ./x\n' ":1: passphrase-file: './x' must be absolute"
wrong 'defaults:\n  exclude-file: [ /a,\n  b ]\n' ":3: exclude-file: 'b' must be absolute"
wrong 'jobs:\n- { name: a, files-from: "-" }\n' ":2: files-from: '-' must be absolute"
wrong 'jobs:\n- name: a\n  paths:\n  - /a\n  - ~/b\n' \
    ":5: paths: '~/b' must be absolute: '~' means nothing here"
# Retention is held to its types.
for rule in 'keep-daily: banana' 'keep-last: -5' 'keep-last: 1000001' 'keep-yearly: 1x'; do
    wrong "jobs:\\n- { name: a, paths: /x, retention: { $rule } }\\n" \
        ":2: ${rule%%:*}: '${rule#*: }' is neither a number, nor all, nor a time back (like 30d or 1y6mo)"
done
wrong 'jobs:\n- { name: a, paths: /x, retention: { keep-within: never } }\n' \
    ":2: keep-within: 'never' is no time back: digits followed by y, mo, w, d, h, m or s, in that order, like 30d or 1y6mo"
wrong 'jobs:\n- { name: a, paths: /x,\n retention: { keep-tag: [ a,\n b c ] } }\n' \
    ":4: keep-tag: 'b c': tags, split by commas, each 1 to 100 bytes, no spaces or control characters"
for count in 0 all 30d 1000001; do
    wrong "jobs:\\n- { name: a, paths: /x, retention: { max-count: $count } }\\n" \
        ":2: max-count: '$count' is not a number from 1 to 1000000"
done
wrong 'jobs:\n- { name: a, paths: /x, retention: { max-age: 7 } }\n' \
    ":2: max-age: '7' is no time back: digits followed by y, mo, w, d, h, m or s, in that order, like 30d or 1y6mo"
cat <<END | says
jobs:
- { name: a, files-from: /list, retention: { keep-last: 0, keep-daily: 30d, keep-monthly: 1y6mo, keep-yearly: all, keep-within: 2w, keep-tag: [ x, 'y,z' ], max-age: 10y, max-count: 500 } }
- { name: b, paths: /x, files-from0: /list }
END
expect 0 dedup --config c.yaml config show
wrong 'x-a: &x [ *x ]\nrepo: *x\n' ":1: repo: needs one value, not a list or a mapping"
wrong '[ a ]\n' ":1: needs keys with values, such as 'repo: /backup/srv'"
wrong '{ a: b }: c\n' ":1: a key that is not a word"
wrong 'repo: a\n---\nrepo: b\n' ":3: a second document; there can be one"
wrong 'repo: "a\\0b"\n' ":1: a NUL byte in a text"
printf 'repo: [ a\n' | says
expect 1 dedup --config c.yaml snapshots
err_like "dedup: snapshots: c.yaml:2: *"
printf 'repo: \377\n' | says
expect 1 dedup --config c.yaml snapshots
err_like "dedup: snapshots: c.yaml: byte 6: *UTF-8*"
seq -f 'x-%.0f: 1' 1001 | says
refused ":1: the file: more than 1000 keys"
# What costs far more than its bytes: nesting, anchors, aliases.
head -c 500000 /dev/zero | tr '\0' '[' | says
refused ":1: nested more than 32 deep"
{
    echo 'x-a:'
    seq -f '- &a%.0f x' 1001
} | says
refused ":1002: more than 1000 anchors"
{
    printf 'x-a: [ '
    head -c 200010 /dev/zero | sed 's/\x0/a,/g'
    echo ']'
} | says
refused ":1: more than 100000 words, lists and mappings"
{
    printf 'x-a: &a [ '
    head -c 60000 /dev/zero | sed 's/\x0/\/,/g'
    printf ']\njobs:\n'
    seq -f '- { name: j%.0f, paths: *a }' 1000
} | says
refused ":1: more than 100000 words, with those that aliases repeat"
{
    printf 'x-a: &a /'
    head -c 500000 /dev/zero | tr '\0' a
    printf '\njobs:\n'
    seq -f '- { name: j%.0f, paths: *a }' 1000
} | says
refused ":1: words of more than 8 MiB, with those that aliases repeat"
head -c 1100000 /dev/zero | tr '\0' '#' >c.yaml
refused ": longer than 1048576 bytes"

# Nobody else may have written it: what it says is run.
printf 'repo: x\n' | says
chmod 620 c.yaml
refused ": others can write to it, and could have dedup run anything: chmod go-w it"
chmod 602 c.yaml
refused ": others can write to it, and could have dedup run anything: chmod go-w it"
if [ "$(id -u)" = 0 ]; then
    chmod 644 c.yaml
    chown 12345 c.yaml
    refused ": belongs to user 12345, who could have dedup run anything: chown it to root or to yourself"
fi
rm c.yaml
mkdir c.yaml
refused ": is not a file"
rmdir c.yaml
mkfifo c.yaml
refused ": is not a file"
