# shellcheck shell=sh
# Patterns of all levels add up; who is nearer has the last word: defaults, job,
# command line.
mkdir src
for f in a.log important.log job.log a.tmp A.TMP keep.bak keep; do
    echo "$f" >"src/$f"
done
echo '*.log' >pats
new_repo repo
cat >c.yaml <<END
defaults:
  exclude-file: $PWD/pats
  iexclude: '*.tmp'
jobs:
  - { name: plain, paths: $PWD/src }
  - { name: more, paths: $PWD/src, exclude: [ '*.bak', '!job.log' ] }
  - { name: all, paths: $PWD/src, exclude: '!*' }
  - { name: stream, command: x, run: [ echo, x ] }
END
chmod 600 c.yaml
export DEDUP_CONFIG="$PWD/c.yaml"

# holds NAME...: what the newest snapshot has of the directory
holds() {
    expect 0 dedup ls "$(cat id):$PWD/src"
    sed -i 's,.*/,,' "$OUT"
    out_is "$(printf '%s\n' "$@")"
}
# takes ARG...: makes a snapshot
takes() {
    expect 0 dedup snapshot --print-id "$@"
    cp "$OUT" id
}

takes --job plain
holds keep keep.bak
takes --job more
holds job.log keep
takes --job all
holds A.TMP a.log a.tmp important.log job.log keep keep.bak
# The command line wins over both, whatever the kind of pattern.
takes --job more --exclude '!important.log'
holds important.log job.log keep
takes --job more --exclude '!keep.bak' --iexclude 'KEEP'
holds job.log keep.bak
echo '!a.log' >mine
takes "$PWD/src" --exclude-file mine
holds a.log keep keep.bak
# Of streams the defaults for paths say nothing.
expect 0 dedup snapshot --job stream

# What is shown is the order in which they count.
expect 0 dedup config show --job more --json
grep -o '"key":"[a-z-]*exclude[a-z-]*","value":"[^"]*"' "$OUT" >shown
cat >want <<END
"key":"exclude-file","value":"$PWD/pats"
"key":"iexclude","value":"*.tmp"
"key":"exclude","value":"*.bak"
"key":"exclude","value":"!job.log"
END
same shown want
