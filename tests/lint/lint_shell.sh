#!/bin/sh
# Every shell script passes shellcheck.
# shellcheck source=lint_lib.sh
. "$(dirname "$0")/lint_lib.sh"
lint_need shellcheck

{
    lint_files . -- '*.sh'
    for f in test quickstart .ci/run bench/compare packaging/deb/*; do
        [ ! -f "$f" ] || echo "$f"
    done
} >"$lint_scratch/files"
xargs shellcheck -x -P "$HERE" -f gcc <"$lint_scratch/files" >>"$FOUND"
lint_end
