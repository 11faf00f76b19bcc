# summary.tsv of bench/limits, and -v about=about.tsv, to report.md.

BEGIN {
    FS = "\t"
    while ((getline line < about) > 0) {
        n = split(line, f, "\t")
        if (f[1] == "tool")
            releases = releases (releases ? "; " : "") f[2] " " f[3]
        else
            fact[f[1]] = f[2]
    }
    printf "# Limits, %s\n\n", fact["date"]
    printf "`bench/limits`, %s round%s, scale %s, dedup's source %s. %s, %s cores, %s, %s, %s; load before %s.\n",
        fact["rounds"], fact["rounds"] == 1 ? "" : "s", fact["scale"], fact["source"],
        fact["processor"], fact["cores"], fact["memory"], fact["kernel"],
        fact["file system"], fact["load before"]
    printf "Tools: %s.\n\n", releases
    print "Seconds; MiB of memory that is not a file's; cores that were busy: CPU time divided by wall time."
    print ""
    print "| row | tool | what | wall, median | least | most | cores busy | anon MiB |"
    print "|---|---|---|---|---|---|---|---|"
}

{ value[$1, $2, $3, $4] = $6 + 0 }

$4 == "wall" { key[++keys] = $1 SUBSEP $2 SUBSEP $3; least[keys] = $7; most[keys] = $8 }

END {
    for (i = 1; i <= keys; i++) {
        split(key[i], k, SUBSEP)
        printf "| %s | %s | %s | %.3f | %.3f | %.3f | %.2f | %.0f |\n", k[1], k[2], k[3],
            value[key[i], "wall"], least[i], most[i], value[key[i], "busy"], value[key[i], "anon"]
    }
}
