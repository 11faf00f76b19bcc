# summary.tsv, and -v about=about.tsv, to report.md.

function fmt(x) {
    return sprintf(x < 1 ? "%.3f" : x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x)
}

# row(NAME, CORPUS, OP, METRIC): the medians, and in brackets what multiple of
# dedup's each is
function row(name, c, op, metric,    i, t, x, own, line, any) {
    own = value[c, "dedup", op, metric]
    line = "| " name " |"
    for (i = 1; i <= tools; i++) {
        t = tool[i]
        if (!((c, t, op, metric) in value)) { line = line " - |"; continue }
        any = 1
        x = value[c, t, op, metric]
        line = line " " fmt(x)
        if (t != "dedup" && own > 0) line = line " (" fmt(x / own) " x)"
        line = line " |"
    }
    if (any) print line
}

function table(c,    i, later) {
    later = c == "versions" ? "nine later versions" : "second version"
    printf "\n## %s\n\n", c
    for (i = 1; i <= trees; i++)
        if (tree_corpus[i] == c) print "- " tree[i]
    printf "\n| |"
    for (i = 1; i <= tools; i++) printf " %s |", tool[i]
    printf "\n|---|"
    for (i = 1; i <= tools; i++) printf "---|"
    print ""
    row("first snapshot, s", c, "first", "wall")
    row("unchanged snapshot, s", c, "unchanged", "wall")
    row(later ", s", c, "next", "wall")
    row("restore, s", c, "restore", "wall")
    row("first snapshot, CPU s", c, "first", "cpu")
    row("unchanged snapshot, CPU s", c, "unchanged", "cpu")
    row(later ", CPU s", c, "next", "cpu")
    row("restore, CPU s", c, "restore", "cpu")
    row("first snapshot, peak MiB resident", c, "first", "rss")
    row("restore, peak MiB resident", c, "restore", "rss")
    row("size after the first, MiB", c, "first", "size")
    row("size after all, MiB", c, "next", "size")
    if (differs[c]) print "\nRestored otherwise: " differs[c] "."
}

BEGIN {
    FS = "\t"
    while ((getline line < about) > 0) {
        n = split(line, f, "\t")
        if (f[1] == "tool") {
            tool[++tools] = f[2]
            releases = releases (tools > 1 ? "; " : "") f[2] " " f[3]
        } else if (f[1] == "corpus") {
            tree_corpus[++trees] = f[2]
            tree[trees] = "version " f[3] ": " f[4] (f[4] == 1 ? " file, " : " files, ") f[5] " MiB, SHA-256 `" f[6] "`"
            if (!(f[2] in seen)) { seen[f[2]] = 1; corpus[++corpora] = f[2] }
        } else if (f[1] == "differs") {
            differs[f[2]] = differs[f[2]] (differs[f[2]] ? ", " : "") f[3] " (" f[4] ")"
        } else
            fact[f[1]] = f[2]
    }
}

{ value[$1, $2, $3, $4] = $6 + 0 }

END {
    printf "# Comparison, %s\n\n", fact["date"]
    printf "`bench/compare`, %s round%s, scale %s, dedup's source %s. %s, %s cores, %s, %s, %s; load before %s.\n",
        fact["rounds"], fact["rounds"] == 1 ? "" : "s", fact["scale"], fact["source"],
        fact["processor"], fact["cores"], fact["memory"], fact["kernel"],
        fact["file system"], fact["load before"]
    printf "Tools: %s.\n\n", releases
    print "Medians over the rounds; in brackets the multiple of dedup's. Page cache warm for all. bench/README.md"
    print "says what is measured, and what to keep in mind."
    print ""
    print "![chart](chart.svg)"
    for (i = 1; i <= corpora; i++) table(corpus[i])
}
