# shellcheck shell=sh
# Whoever sees the storage, or the list of processes, learns nothing.
mkdir src
printf 'the-content-of-it\n' >src/the-name-of-it
seq -f 'the-content-of-it %g' 1000 >src/more
printf 'correct-horse-battery\n' >pass
export DEDUP_CACHE_DIR="$PWD/cache"
expect 0 dedup -r repo --passphrase-file pass init
expect 0 dedup -r repo --passphrase-file pass snapshot -s the-series \
    --tag the-tag src
for word in the-content the-name the-series the-tag "$PWD" correct-horse; do
    grep -rqaF -e "$word" repo && run_fail "'$word' is in the repository"
done

# A passphrase command sees no passphrase, in no place.
cat >ask <<'END'
tr '\0' '\n' </proc/self/environ >environ
tr '\0' '\n' </proc/$PPID/cmdline >cmdline
cat pass
END
expect 0 env DEDUP_PASSPHRASE=correct-horse-battery "$DEDUP" -r repo \
    --passphrase-command '. ./ask' snapshots
grep -q correct-horse environ cmdline && run_fail "the passphrase shows"
grep -q snapshots cmdline || run_fail "the command line was not seen"
