# summary.tsv of bench/growth, and -v about=about.tsv, to a table for each axis.
# The last column: how time grew in the last step: the exponent, 1 is straight.

BEGIN {
    FS = "\t"
    while ((getline row < about) > 0) {
        split(row, f, "\t")
        fact[f[1]] = f[2]
    }
    unit["bytes"] = "MiB"
}

{
    if (!($1 in axes)) { axis[++axis_n] = $1; axes[$1] = 1 }
    if (!(($1, $3) in points)) { point[$1, ++point_n[$1]] = $3; points[$1, $3] = 1 }
    if (!(($1, $2) in whats)) { what[$1, ++what_n[$1]] = $2; whats[$1, $2] = 1 }
    wall[$1, $2, $3] = $5
    anon[$1, $2, $3] = $6
}

END {
    printf "# How cost grows\n\n%s, %s cores, %s, %s, %s, %s; source %s; `bench/growth`.\n", fact["processor"],
        fact["cores"], fact["memory"], fact["kernel"], fact["file system"], fact["date"], fact["source"]
    print "Seconds of wall time (median) / MB of anonymous memory (largest)."
    for (a = 1; a <= axis_n; a++) {
        x = axis[a]
        printf "\n## %s\n\n| %s |", x, x in unit ? unit[x] : x
        for (p = 1; p <= point_n[x]; p++) printf " %s |", point[x, p]
        printf " exponent |\n|---|"
        for (p = 1; p <= point_n[x]; p++) printf "---|"
        printf "---|\n"
        for (w = 1; w <= what_n[x]; w++) {
            printf "| %s |", what[x, w]
            for (p = 1; p <= point_n[x]; p++) {
                k = x SUBSEP what[x, w] SUBSEP point[x, p]
                printf " %s |", k in wall ? sprintf("%.2f / %.0f", wall[k], anon[k]) : "-"
            }
            e = "-"
            if (point_n[x] > 1) {
                k = x SUBSEP what[x, w] SUBSEP point[x, point_n[x]]
                b = x SUBSEP what[x, w] SUBSEP point[x, point_n[x] - 1]
                if (wall[k] > 0 && wall[b] > 0)
                    e = sprintf("%.2f", log(wall[k] / wall[b]) / log(point[x, point_n[x]] / point[x, point_n[x] - 1]))
            }
            printf " %s |\n", e
        }
    }
}
