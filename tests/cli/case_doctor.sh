# shellcheck shell=sh
# Jobs that could never run, or not as they seem to, are found before their
# night.
mkdir src
echo x >src/f
echo "$PWD/src" >list
new_repo repo
KEY=$DEDUP_KEY_FILE
CACHE=$DEDUP_CACHE_DIR
unset DEDUP_REPO DEDUP_KEY_FILE DEDUP_CACHE_DIR
export DEDUP_CONFIG="$PWD/c.yaml"

# says: the jobs, from standard input
says() {
    printf 'repo: %s\nkey-file: %s\ncache-dir: %s\n' "$PWD/repo" "$KEY" "$CACHE" >c.yaml
    cat >>c.yaml
    chmod 600 c.yaml
}
# never WHAT LINE: a job that says WHAT is told so, as its run would be
never() {
    printf 'jobs:\n- { name: a, %s }\n' "$1" | says
    expect 1 dedup config check
    out_has "FAIL  a: options: line 5: $2"
    expect 1 dedup snapshot
    err_has "dedup: snapshot: $2"
}

never "paths: $PWD/src, series: a b" "--series 'a b': *"
never "paths: $PWD/src, tag: x y" "--tag 'x y': *"
never "paths: $PWD/src, exclude-if-present: a/b" "--exclude-if-present 'a/b': *"
never "paths: $PWD/src, exclude-larger-than: 0" "--exclude-larger-than 0: *"
never "paths: $PWD/src, exclude-file: $PWD/gone" "--exclude-file: $PWD/gone: No such file or directory"
never "files-from: $PWD/gone" "--files-from: $PWD/gone: No such file or directory"
never "command: x, run: [ echo, x ], exclude: y" "--exclude does not go with --command"
# A file that cannot be read is no list of patterns.
if [ "$(id -u)" != 0 ]; then
    echo x >shut
    chmod 0 shut
    never "paths: $PWD/src, exclude-file: $PWD/shut" "--exclude-file: $PWD/shut: Permission denied"
fi

# What is named and not there makes each run incomplete; when all of it is
# missing there is none.
printf 'jobs:\n- { name: a, files-from: %s, paths: [ %s,\n  %s ] }\n' \
    "$PWD/list" "$PWD/src" "$PWD/none" | says
echo "$PWD/nor this" >>list
expect 0 dedup config check
out_has "ok    a: series: $(hostname)@a"
out_has "warn  a: paths: line 6: $PWD/none: No such file or directory: each run will end with exit code 3"
out_has "warn  a: paths: $PWD/nor this: No such file or directory: each run will end with exit code 3"
out_has "ok    a: paths: 2 of 4 are there"
expect 3 dedup snapshot
printf 'jobs:\n- { name: a, paths: %s }\n- { name: b, paths: %s, before: mount }\n' \
    "$PWD/none" "$PWD/none" | says
expect 1 dedup config check
out_has "FAIL  a: paths: line 5: $PWD/none: no such file or directory"
out_has "warn  b: paths: $PWD/none: no such file or directory: unless 'before' brings them"
# Paths of a list alone are enough of a job.
printf 'jobs:\n- { name: a, files-from: %s }\n' "$PWD/list" | says
expect 3 dedup snapshot
expect 0 dedup ls -R "$(hostname)@a"
out_has "*/src/f"

# Two jobs with one series take each other's snapshots for their own.
says <<END
defaults: { series: all }
jobs:
- { name: a, paths: $PWD/src }
- { name: b, paths: $PWD/src }
- { name: c, paths: $PWD/src, series: c }
END
told="$PWD/c.yaml:7: job 'b' and job 'a' (line 6) share the series 'all' in one repository: give each its own"
expect 1 dedup config check
out_has "FAIL  series: $told"
expect 1 dedup snapshot --all-jobs
err_has "dedup: snapshot: $told"
expect 0 dedup snapshot --job a
sed -i "7s|name: b|name: b, repo: $PWD/repo/|" c.yaml
expect 1 dedup snapshot --all-jobs
sed -i "7s|repo/,|other,|" c.yaml
expect 4 dedup snapshot --all-jobs
err_has "dedup: snapshot b: *"
expect 1 dedup snapshot --all-jobs -r "$PWD/repo"
err_has "dedup: snapshot: $told"
printf 'jobs:\n- { name: a, paths: %s }\n- { name: b, paths: %s, series: %s }\n' \
    "$PWD/src" "$PWD/src" "$(hostname)@a" | says
expect 1 dedup snapshot --all-jobs

# A secret that anybody can read is none.
says </dev/null
expect 0 dedup doctor
! grep -q warn "$OUT" || run_fail "what is warned of?"
chmod 644 "$KEY"
expect 0 dedup doctor
out_has "warn  secret: $KEY: every user of this machine can read it: chmod o= it"
chmod 640 "$KEY"
expect 0 dedup doctor
! grep -q warn "$OUT" || run_fail "a group is not everybody"

# Standard input has one reader.
export DEDUP_CONFIG=/dev/null DEDUP_REPO="$PWD/repo" DEDUP_CACHE_DIR="$CACHE"
two() {
    # shellcheck disable=SC2086 # a list of words
    echo "$PWD/src" | expect 1 dedup snapshot --series s $1
    [ "$(head -1 "$ERR")" = "dedup: snapshot: standard input cannot be read by both $2" ] ||
        run_fail "$1: not told"
}
two "--files-from - --exclude-file - --key-file $KEY" "--files-from and --exclude-file"
two "--files-from - --passphrase-fd 0" "--files-from and --passphrase-fd"
two "--files-from0 /dev/stdin --passphrase-file /dev/stdin" "--files-from0 and --passphrase-file"
two "--exclude-file - --exclude-file - --key-file $KEY src" "--exclude-file and --exclude-file"
# A file is there for each of them.
expect 0 dedup snapshot --series s --key-file "$KEY" --files-from /dev/null \
    --exclude-file /dev/null src
echo "$PWD/src" | expect 0 dedup snapshot --series s --key-file "$KEY" --files-from -
