#!/bin/sh
# bench/growth as a whole, with little of everything; and what it makes of
# figures.
#     test_growth.sh BENCH_FOLDER BUILD_FOLDER
set -eu
bench=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
says() { # FILE TEXT
    grep -qF -e "$2" "$1" || {
        echo "missing: $2"
        cat "$1"
        exit 1
    }
}

figure() { # LABEL WALL ANON
    echo "{\"label\":\"$1\",\"wall\":$2,\"user\":1,\"sys\":1,\"rss_mb\":70,\"anon_mb\":$3,\"exit\":0}"
}
{
    figure files/first/1000 0.100 10.5
    figure files/first/1000 0.300 11.5
    figure files/first/1000 0.200 12.5
    figure files/first/100000 20.000 30
    figure "chunks/fill cache/1000000" 1.500 99.5
} >"$work/figures"
printf 'date\t2000-01-01\ncores\t2\n' >"$work/about"
awk -f "$bench/growth_summary.awk" "$work/figures" >"$work/summary"
tab=$(printf '\t')
says "$work/summary" "files${tab}first${tab}1000${tab}3${tab}0.200${tab}12.5"
says "$work/summary" "chunks${tab}fill cache${tab}1000000${tab}1${tab}1.500${tab}99.5"
awk -v about="$work/about" -f "$bench/growth_table.awk" "$work/summary" >"$work/report"
says "$work/report" "| first | 0.20 / 12 | 20.00 / 30 | 1.00 |"
awk -v about="$work/about" -f "$bench/chart.awk" -f "$bench/growth_chart.awk" "$work/summary" >"$work/chart.svg"
[ "$(grep -c '<path' "$work/chart.svg")" = 4 ]

DEDUP_BUILD=$2 "$bench/growth" --quick --with env --beside env --dir "$work" --out "$work/out" >"$work/printed"
for what in files/first bytes/restore snapshots/check "chunks/fill cache"; do
    says "$work/out/figures.jsonl" "\"label\":\"$what/"
done
says "$work/printed" "## chunks"
[ "$(grep -c '<path' "$work/out/chart.svg")" = 44 ]
if command -v rsvg-convert >/dev/null; then
    rsvg-convert "$work/out/chart.svg" >"$work/chart.png"
fi
