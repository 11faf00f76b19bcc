#!/bin/sh
# In a directory of its own that goes whatever comes of it: stress.sh STRESS DEDUP OPTION...
set -u
stress=$1 dedup=$2
shift 2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
"$stress" "$dedup" "$dir/work" "$@"
