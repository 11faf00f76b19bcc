# summary.tsv of bench/growth, and -v about=about.tsv, to chart.svg: a row for
# each axis, time and memory beside each other, both scales logarithmic, a line
# for each command. A decade is as wide as it is high: a straight cost has 45
# degrees. Needs chart.awk.

function lg(x) {
    return log(x) / log(10)
}

function short(x) {
    return x >= 1000000 ? x / 1000000 "M" : x >= 1000 ? x / 1000 "k" : x
}

# The decades from lo to hi, at least one
function span(lo, hi) {
    from = int(lg(lo) + 100) - 100
    to = -int(100 - lg(hi)) + 100
    if (to == from) to++
}

function grid(x0, y0, across, high, from, down,    i, d) {
    for (i = 0; i <= across; i++) {
        line(x0 + i * DECADE, y0, x0 + i * DECADE, y0 - high * DECADE, "grid")
        text(x0 + i * DECADE, y0 + 14, "tick", short(10 ^ (from + i)))
    }
    for (i = 0; i <= high; i++) {
        line(x0, y0 - i * DECADE, x0 + across * DECADE, y0 - i * DECADE, "grid")
        text(x0 - 16, y0 - i * DECADE + 4, "tick", short(10 ^ (down + i)))
    }
    line(x0, y0, x0 + across * DECADE, y0, "axis")
    line(x0, y0, x0, y0 - high * DECADE, "axis")
}

# value: of [axis, what, point]; least: what lies below is drawn there
function panel(a, x0, y0, value, least, high, head,    w, p, k, v, px, py, path) {
    text(x0, y0 - high * DECADE - 8, "note", head)
    grid(x0, y0, across[a], high, begin[a], lg(least))
    for (w = 1; w <= what_n[a]; w++) {
        path = ""
        for (p = 1; p <= point_n[a]; p++) {
            k = a SUBSEP what[a, w] SUBSEP point[a, p]
            if (!(k in value)) continue
            v = value[k] < least ? least : value[k]
            px = x0 + (lg(point[a, p]) - begin[a]) * DECADE
            py = y0 - lg(v / least) * DECADE
            path = path (path == "" ? "M" : "L") sprintf("%.1f %.1f ", px, py)
            printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" class=\"dot%d\"/>\n", px, py, w
        }
        if (path != "") printf "<path d=\"%s\" class=\"line%d\"/>\n", path, w
    }
}

BEGIN {
    FS = "\t"
    DECADE = 44; TOP = 62; HIGH_TIME = 5; HIGH_ANON = 3
    while ((getline row < about) > 0) {
        split(row, f, "\t")
        fact[f[1]] = f[2]
    }
}

{
    if (!($1 in axes)) { axis[++axis_n] = $1; axes[$1] = 1 }
    if (!(($1, $3) in points)) { point[$1, ++point_n[$1]] = $3; points[$1, $3] = 1 }
    if (!(($1, $2) in whats)) { what[$1, ++what_n[$1]] = $2; whats[$1, $2] = 1 }
    wall[$1, $2, $3] = $5
    anon[$1, $2, $3] = $6
}

END {
    row_high = HIGH_TIME * DECADE + 70
    page(760, TOP + axis_n * row_high, "How the costs of dedup grow")
    text(14, 26, "title", "How the costs of dedup grow: 45 degrees is straight")
    text(14, 45, "note", sprintf("wall time and anonymous memory, page cache warm; %s cores, %s", fact["cores"], fact["date"]))
    for (r = 1; r <= axis_n; r++) {
        a = axis[r]
        span(point[a, 1], point[a, point_n[a]])
        begin[a] = from
        across[a] = to - from
        y = TOP + r * row_high - 40
        panel(a, 50, y, wall, 0.01, HIGH_TIME, "seconds by " a (a == "bytes" ? " (MiB)" : ""))
        panel(a, 360, y, anon, 1, HIGH_ANON, "MB of memory by " a (a == "bytes" ? " (MiB)" : ""))
        for (w = 1; w <= what_n[a]; w++) {
            printf "<circle cx=\"640\" cy=\"%.1f\" r=\"4\" class=\"dot%d\"/>\n", y - 120 + w * 18 - 4, w
            text(650, y - 120 + w * 18, "note", what[a, w])
        }
    }
    print "</svg>"
}
