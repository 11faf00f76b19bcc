# shellcheck shell=sh
# What `config show` prints is a configuration: read back it has the same
# effect, but for commands, which are hidden.
cat >c.yaml <<'END'
repo: /backup/srv
passphrase-file: "/etc/pass \"phrase\" \\ \u009b é"
quiet: true
defaults:
  iexclude: [ '*.TMP', '# no comment' ]
  exclude: '*.log'
  strict: true
  tag: [ a, 'b:c' ]
default-job: "null"
jobs:
  - name: "null"
    paths: [ /etc, "/srv/a b", "/\n" ]
    exclude: [ '!important.log', "~", 'null', '-', '*' ]
    exclude-file: /etc/pats
    strict: false
    verbose: false
    retention:
      keep-daily: 7
      keep-tag: [ a, b ]
      keep-last: 3
  - name: -x
    files-from: /etc/list
    key-file: /etc/key
    tag: "true"
  - name: db
    command: db.sql
    run: [ pg_dump ]
END
chmod 600 c.yaml

# the same without where it is said
bare() {
    sed 's/  # .*//' "$OUT"
}
expect 0 dedup --config c.yaml config show
plain "$OUT"
cp "$OUT" shown.yaml
bare >once
expect 0 dedup --config c.yaml config show --json
sed 's/,"origin":.*//' "$OUT" >json
expect 0 dedup --config shown.yaml config show
bare >twice
same once twice
expect 0 dedup --config shown.yaml config show --json
sed 's/,"origin":.*//' "$OUT" >json2
same json json2
# A job alone, with what the defaults leave out for it.
expect 0 dedup --config c.yaml config show --job -x
cp "$OUT" x.yaml
expect 0 dedup --config x.yaml config show --job -x
bare >x2
expect 0 dedup --config c.yaml config show --job -x
bare >x1
same x1 x2
cat >want <<'END'
repo: /backup/srv
passphrase-file: "/etc/pass \"phrase\" \\ \u009b é"
quiet: true
default-job: "null"
defaults:
  iexclude:
    - "*.TMP"
    - "# no comment"
  exclude: "*.log"
  strict: true
  tag:
    - a
    - "b:c"
jobs:
  - name: "null"
    paths:
      - /etc
      - "/srv/a b"
      - "/\u000a"
    exclude:
      - "!important.log"
      - "~"
      - "null"
      - "-"
      - "*"
    exclude-file: /etc/pats
    tag:
      - a
      - "b:c"
    repo: /backup/srv
    passphrase-file: "/etc/pass \"phrase\" \\ \u009b é"
    strict: false
    verbose: false
    retention:
      keep-daily: 7
      keep-tag:
        - a
        - b
      keep-last: 3
  - name: "-x"
    files-from: /etc/list
    tag: true
    strict: true
    repo: /backup/srv
    key-file: /etc/key
    quiet: true
  - name: db
    tag:
      - a
      - "b:c"
    command: db.sql
    strict: true
    repo: /backup/srv
    passphrase-file: "/etc/pass \"phrase\" \\ \u009b é"
    quiet: true
    run: pg_dump
END
same want once

# Only the secret that counts: what the environment holds puts the file's aside.
expect 0 env DEDUP_PASSPHRASE=s3cret "$DEDUP" --config c.yaml config show
out_has '# passphrase: (hidden)  # DEDUP_PASSPHRASE'
! grep -qE 'passphrase-file|key-file|s3cret' "$OUT" || run_fail "two secrets"
cp "$OUT" env.yaml
expect 0 dedup --config env.yaml config show
mkdir cred
echo x >cred/dedup.passphrase
expect 0 env CREDENTIALS_DIRECTORY="$PWD/cred" "$DEDUP" --config c.yaml config show
out_has '# passphrase: (hidden)  # the credential dedup.passphrase'
expect 0 env DEDUP_PASSPHRASE=x "$DEDUP" --config c.yaml config show --key-file /k
out_has 'key-file: /k  # --key-file'
! grep -qE 'passphrase' "$OUT" || run_fail "two secrets"
# Who says -q has spoken of -v, too, and the other way.
echo 'verbose: true' >v.yaml
expect 0 dedup --config v.yaml config show -q
out_is 'quiet: true  # --quiet'
echo 'quiet: true' >v.yaml
expect 0 dedup --config v.yaml config show -v
out_is 'verbose: true  # --verbose'
# Bytes that YAML has no place for.
expect 0 dedup --config /dev/null config show -r "$(printf 'a\377')"
out_is 'repo: "a\\xff"  # --repo'
