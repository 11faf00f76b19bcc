#!/bin/sh
# What bench/compare makes of figures: medians, ratios, chart, bars.
#     test_report.sh BENCH_FOLDER
set -eu
bench=$1
command -v jq >/dev/null || {
    echo "skipped: jq is not installed (tools/packages lists it)"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

says() { # FILE LINE
    grep -qxF -e "$2" "$1" || {
        echo "missing: $2"
        cat "$1"
        exit 1
    }
}

# figure LABEL WALL: with a CPU time of twice WALL
figure() {
    echo "{\"label\":\"$1\",\"wall\":$2,\"user\":$2,\"sys\":$2,\"rss_mb\":70,\"anon_mb\":60,\"exit\":0}"
}

{
    for round in 1 2 3 4; do
        figure kernel/dedup/first/$round/1 $round
        figure kernel/restic/first/$round/1 1$round
        # two later versions: their sum counts
        figure kernel/dedup/next/$round/2 1
        figure kernel/dedup/next/$round/3 0.$round
        echo "{\"label\":\"kernel/dedup/next/$round/3\",\"size_mb\":210.5}"
    done
    figure kernel/dedup/unchanged/1/1 0.25
} >"$work/figures"
printf 'date\t2000-01-01\nrounds\t4\nscale\t1\ncores\t2\ntool\tdedup\t1\ntool\trestic\t2\ntool\tcp\t3\n' >"$work/about"
printf 'corpus\tkernel\t1\t10\t20\tabc\n' >>"$work/about"
printf 'differs\tkernel\trestic\tholes\ndiffers\tkernel\tcp\tholes\n' >>"$work/about"

tab=$(printf '\t')
summary() { # WORDS: a line of the summary
    says "$work/summary.tsv" "$(echo "$1" | tr ' ' "$tab")"
}
# shellcheck disable=SC2034 # read by what is sourced
here=$bench/.. out=$work figures=$work/figures about=$work/about
# shellcheck source=bench/compare_report.sh
. "$bench/compare_report.sh"
report >/dev/null
summary "kernel dedup first wall 4 2.5 1 4"
summary "kernel dedup first cpu 4 5 2 8"
summary "kernel dedup next wall 4 1.25 1.1 1.4"
summary "kernel dedup next size 4 210.5 210.5 210.5"
summary "kernel dedup unchanged wall 1 0.25 0.25 0.25"

says "$work/report.md" "| first snapshot, s | 2.50 | 12.5 (5.00 x) | - |"
says "$work/report.md" "| unchanged snapshot, s | 0.250 | - | - |"
says "$work/report.md" "Restored otherwise: restic (holes), cp (holes)."

[ "$(grep -c 'class="own"' "$work/chart.svg")" = 4 ]
[ "$(grep -c 'class="peer"' "$work/chart.svg")" = 1 ]
if command -v rsvg-convert >/dev/null; then
    rsvg-convert "$work/chart.svg" >"$work/chart.png"
fi

bar() { # CODE BAR
    echo "# a comment
$2 # a reason" >"$work/bars"
    code=0
    awk -v bars="$work/bars" -f "$bench/compare_bars.awk" "$work/summary.tsv" >"$work/verdict" || code=$?
    [ $code = "$1" ] || {
        echo "exit code $code, not $1: $2"
        cat "$work/verdict"
        exit 1
    }
}
bar 0 "kernel first wall restic >= 5.0"
bar 1 "kernel first wall restic >= 5.01"
says "$work/verdict" "BELOW THE BAR: kernel first wall restic >= 5.01 (is 5.000)"
bar 0 "kernel unchanged wall - <= 0.25"
bar 1 "kernel unchanged wall - <= 0.24"
bar 0 "kernel first wall borg >= 5.0"
says "$work/verdict" "bar not measured: kernel first wall borg >= 5.0"
bar 2 "kernel first wall restic > 5.0"
bar 2 "kernel frist wall restic >= 5.0"
bar 2 "kernel first wall restic >= 5,0"
bar 2 "kernel first wall restic"

# the house's own can be read
awk -v bars="$bench/bars" -f "$bench/compare_bars.awk" "$work/figures" >"$work/verdict"
[ "$(grep -vc '^bar not measured: ' "$work/verdict")" = 0 ]
