# shellcheck shell=sh
# What several jobs come to together: the gravest that became of one of them,
# wherever it stands among them.
mkdir src
echo a >src/a
new_repo repo

# jobs KIND...: one job for each, named by its place and kind
jobs() {
    echo "jobs:"
    k=0
    for kind in "$@"; do
        k=$((k + 1))
        echo "  - name: $k-$kind"
        echo "    after: 'echo $k-$kind \"\$1\" >>codes'"
        case $kind in
        good) echo "    paths: $PWD/src" ;;
        incomplete) echo "    paths: [ $PWD/src, $PWD/gone ]" ;;
        later) printf '    paths: %s/src\n    before: exit 75\n' "$PWD" ;;
        failed) printf '    paths: %s/src\n    before: exit 3\n' "$PWD" ;;
        absent) echo "    paths: $PWD/gone" ;;
        esac
    done
}
# come_to CODE KIND...: all jobs together, and each job's own code for --after
come_to() {
    code=$1
    shift
    : >codes
    jobs "$@" >c.yaml
    expect "$code" dedup --config c.yaml snapshot --all-jobs
    k=0
    for kind in "$@"; do
        k=$((k + 1))
        case $kind in
        good) own=0 ;;
        incomplete) own=3 ;;
        later) own=75 ;;
        failed) own=2 ;;
        absent) own=1 ;;
        esac
        [ "$(sed -n ${k}p codes)" = "$k-$kind $own" ] ||
            run_fail "$*: --after got: $(cat codes)"
    done
}
come_to 0 good good
come_to 3 incomplete good
come_to 3 good incomplete
come_to 3 incomplete good incomplete
come_to 75 later good
err_has "dedup: snapshot: 1 of 2 jobs put off, the first with: --before: it asks*"
come_to 75 good later
come_to 3 later incomplete
come_to 3 incomplete later
come_to 2 later failed
err_has "dedup: snapshot: 1 of 2 jobs failed, the first with: --before, so *"
come_to 2 failed later incomplete
come_to 2 incomplete failed good
come_to 1 incomplete later absent failed
err_has "dedup: snapshot: 2 of 4 jobs failed, the first with: $PWD/gone: *"
come_to 2 failed absent

# One job alone is incomplete too, and a dry run.
jobs incomplete >c.yaml
expect 3 dedup --config c.yaml snapshot --job 1-incomplete
jobs incomplete good >c.yaml
expect 3 dedup --config c.yaml snapshot --all-jobs -n

# JSON: each job is an object, made or failed.
jobs failed good later incomplete >c.yaml
expect 2 dedup --config c.yaml snapshot --all-jobs --json
out_has '{"v":1,"type":"error","exit":2,"message":"--before, so nothing was backed up: exit code 3","job":"1-failed"}'
out_has '{"v":1,"type":"snapshot",*,"job":"2-good"}'
out_has '{"v":1,"type":"error","exit":75,"message":"--before: it asks*","job":"3-later"}'
out_has '{"v":1,"type":"snapshot",*,"job":"4-incomplete"}'
out_has '{"v":1,"type":"error","exit":2,"message":"1 of 4 jobs failed, *"}'
[ "$(grep -c '"type":"error"' "$OUT")" = 3 ] || run_fail "not three errors"
expect 0 dedup --config c.yaml snapshot --job 2-good --json
out_has '{"v":1,"type":"snapshot",*,"job":"2-good"}'
expect 0 dedup --config c.yaml snapshot --job 2-good --json -n
out_has '{"v":1,"type":"preview",*,"job":"2-good"}'
expect 0 dedup snapshot --json src
! grep -q '"job"' "$OUT" || run_fail "a job without a job"
