# What bench/compare tells of its figures; sourced.
# shellcheck shell=sh
# shellcheck disable=SC2154 # set by compare

# describe_run: the machine and the tools, without its name or any path
describe_run() {
    printf 'date\t%s\n' "$(date +%Y-%m-%d)"
    printf 'processor\t%s\n' "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
    printf 'cores\t%s\n' "$(nproc)"
    printf 'memory\t%s MiB\n' "$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)"
    printf 'kernel\tLinux %s\n' "$(uname -r)"
    printf 'file system\t%s\n' "$(df --output=fstype "$base" | tail -n 1)"
    printf 'load before\t%s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
    printf 'rounds\t%s\n' "$rounds"
    printf 'scale\t%s\n' "$scale"
    printf 'source\t%s\n' "$(git -C "$here" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
    for t in $tools; do
        printf 'tool\t%s\t%s\n' "$t" "$("${t}_release")"
    done
}

# report: summary.tsv, report.md (also to standard output), chart.svg
report() {
    jq -s -r -f "$here/bench/compare_summary.jq" "$figures" >"$out/summary.tsv"
    awk -v about="$about" -f "$here/bench/compare_table.awk" "$out/summary.tsv" >"$out/report.md"
    awk -v about="$about" -f "$here/bench/chart.awk" -f "$here/bench/compare_chart.awk" "$out/summary.tsv" >"$out/chart.svg"
    cat "$out/report.md"
}

# check_bars FILE: exit 1 when the summary is below one of its bars
check_bars() {
    awk -v bars="$1" -f "$here/bench/compare_bars.awk" "$out/summary.tsv" >&2
}

# growth_report: the same of bench/growth
growth_report() {
    awk -f "$here/bench/growth_summary.awk" "$figures" >"$out/summary.tsv"
    awk -v about="$about" -f "$here/bench/growth_table.awk" "$out/summary.tsv" >"$out/report.md"
    awk -v about="$about" -f "$here/bench/chart.awk" -f "$here/bench/growth_chart.awk" "$out/summary.tsv" >"$out/chart.svg"
    cat "$out/report.md"
}
