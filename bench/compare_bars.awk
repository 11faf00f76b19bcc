# summary.tsv against -v bars=FILE (bench/bars says how a bar is written): a
# line for each bar; exit 1 when one does not hold, 2 when one cannot be read.

function known(word, list) {
    return index(" " list " ", " " word " ") > 0
}

function check(bar, c, o, m, peer, way, limit,    own, x, what) {
    if (!((c, "dedup", o, m) in value) || (peer != "-" && !((c, peer, o, m) in value))) {
        print "bar not measured: " bar
        return
    }
    own = value[c, "dedup", o, m]
    if (peer == "-") x = own
    else x = own > 0 ? value[c, peer, o, m] / own : 1e9
    what = sprintf("%s (is %.3f)", bar, x)
    if (way == ">=" ? x >= limit : x <= limit)
        print "bar held: " what
    else {
        print "BELOW THE BAR: " what
        failed = 1
    }
}

BEGIN { FS = "\t" }

{ value[$1, $2, $3, $4] = $6 + 0 }

END {
    while ((got = (getline row < bars)) > 0) {
        number++
        sub(/[ \t]*#.*/, "", row)
        n = split(row, w, /[ \t]+/)
        if (n == 0 || row ~ /^[ \t]*$/) continue
        if (n != 6 || !known(w[1], "kernel noise small versions noise4 half4 over million back start") ||
            !known(w[2], "first unchanged next restore touched check full list ls find") ||
            !known(w[3], "wall cpu busy rss anon size") ||
            !known(w[4], "- restic borg casync kopia bupstash tar cp full") ||
            !known(w[5], ">= <=") || w[6] !~ /^[0-9]+(\.[0-9]+)?$/) {
            print "line " number " is no bar: " row
            exit 2
        }
        check(row, w[1], w[2], w[3], w[4], w[5], w[6] + 0)
    }
    if (got < 0) { print "cannot read the bars"; exit 2 }
    exit failed
}
