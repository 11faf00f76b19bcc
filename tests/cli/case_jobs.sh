# shellcheck shell=sh
# Jobs of the configuration file, and the check of all that it names.
odd src
new_repo repo
KEY=$DEDUP_KEY_FILE
CACHE=$DEDUP_CACHE_DIR
cat >c.yaml <<EOF
repo: $PWD/repo
key-file: $KEY
cache-dir: $CACHE
defaults:
  exclude: '*.tmp' # says nothing of streams
  checkpoint: 1h
  one-file-system: true
jobs:
  - name: tree
    paths: [ $PWD/src ]
  - name: db
    command: db.sql
    run: [ sh, -c, 'echo dump; exit \${RC-0}' ]
    series: dumps
EOF
unset DEDUP_REPO DEDUP_KEY_FILE DEDUP_CACHE_DIR
export DEDUP_CONFIG="$PWD/c.yaml"

expect 1 dedup snapshot
err_like "dedup: snapshot: $PWD/c.yaml: 2 jobs, and no default-job: give --job NAME or --all-jobs*"
expect 1 dedup snapshot --job treee
err_like "dedup: snapshot: there is no job 'treee'; did you mean 'tree'?*"
for args in "--job tree --all-jobs" "--job tree src" "--all-jobs src" \
    "--all-jobs --stdin x" "--all-jobs --series x"; do
    # shellcheck disable=SC2086 # a list of words
    expect 1 dedup snapshot $args
done
expect 1 env DEDUP_CONFIG=/nowhere "$DEDUP" snapshot --job tree

expect 0 dedup snapshot --job tree
out_is
err_is
expect 0 dedup snapshot -j db
expect 0 dedup cat dumps:/db.sql
out_is dump
expect 0 dedup restore "$(hostname)@tree" --target out
restored src "out$PWD/src"

# All of them: what failed is told with its job, the others have their turn.
expect 0 dedup snapshot --all-jobs
out_is
err_is
expect 2 env RC=3 "$DEDUP" snapshot --all-jobs
err_has "dedup: snapshot db: *"
err_has "dedup: snapshot: 1 of 2 jobs failed, the first with: *"
sed -i "s,/src \],/gone ]," c.yaml
expect 1 dedup snapshot --all-jobs --json
err_has "dedup: snapshot tree: $PWD/gone: no such file or directory"
out_has '{"v":1,"type":"snapshot",*"series":"dumps"*'
out_has '{"v":1,"type":"error","exit":1,*'
sed -i "s,/gone \],/src ]," c.yaml

# A default job: named, or the only one.
echo 'default-job: db' >>c.yaml
expect 0 dedup snapshot --print-id
expect 0 dedup ls "$(cat "$OUT")"
out_is /db.sql

# Their names, for a script.
expect 0 dedup config jobs
out_is 'tree
db'
expect 0 dedup config jobs --json
out_has '{"v":1,"type":"job","name":"db"}'

# The check looks at what the file names.
expect 0 dedup config check
out_has "ok    config: $PWD/c.yaml: 2 jobs"
out_has "ok    tree: paths: 1 of 1 are there"
out_has "ok    tree: repo: $PWD/repo: opens"
out_has "ok    tree: key: 'first' may back up: its role is 'full'"
out_has "ok    tree: space: $PWD/repo: * free, * %"
out_has "ok    tree: clock: *"
out_has "ok    db: run: sh is there"
expect 0 dedup config check --job db
! grep -q tree: "$OUT" || run_fail "another job was checked"
expect 0 dedup doctor --json
out_has '{"v":1,"type":"finding","verdict":"ok","job":"db","about":"run","message":"sh is there"}'
sed -i "s,/src \],/src; $PWD/gone ]," c.yaml
sed -i 's/;/,/; s/run: \[ sh/run: [ no-such-program/' c.yaml
expect 1 dedup config check
out_has "warn  tree: paths: line 10: $PWD/gone: No such file or directory: each run will end with exit code 3"
out_has "FAIL  db: run: line 13: no program 'no-such-program' in PATH"
err_like "dedup: config: 1 check failed, 1 warning*"
# A key that may not back up, and one that does not open.
dedup key add --role read --label reader --new-key-file reader.key || run_fail add
expect 5 dedup config check --job tree --key-file reader.key
out_has "FAIL  tree: key: *read*"
head -c 32 /dev/urandom >other.key
expect 5 dedup doctor --key-file other.key
out_has "FAIL  tree: repo: *"
expect 4 dedup doctor --repo "$PWD/nowhere"
# Without a file the doctor looks at the command line alone.
expect 0 env DEDUP_CONFIG=/dev/null "$DEDUP" doctor -r repo --key-file "$KEY" \
    --cache-dir "$CACHE"
out_has "ok    key: 'first' may back up: its role is 'full'"
expect 1 env DEDUP_CONFIG=/nowhere "$DEDUP" config check
expect 1 dedup config frobnicate
err_like "dedup: config: config 'frobnicate': must be one of show, check, jobs*"
