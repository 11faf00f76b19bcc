# summary.tsv, and -v about=about.tsv, to chart.svg: a row of panels for each
# corpus, a bar for each tool. Each panel has an axis of its own from 0. Needs
# chart.awk.

function fmt(x) {
    return sprintf(x < 1 ? "%.2f" : x < 10 ? "%.1f" : "%.0f", x)
}

# A round number, at most x, that is at least half of it
function below(x,    p) {
    p = 1
    while (p > x) p /= 10
    while (p * 10 <= x) p *= 10
    return p * 5 <= x ? p * 5 : p * 2 <= x ? p * 2 : p
}

function panel(c, k, x, y,    i, max, v, long, tick, at, bottom) {
    bottom = y + tools * BAR
    for (i = 1; i <= tools; i++)
        if ((c, tool[i], op[k], metric[k]) in value && value[c, tool[i], op[k], metric[k]] > max)
            max = value[c, tool[i], op[k], metric[k]]
    if (max > 0) {
        tick = below(max)
        at = x + WIDE * tick / max
        line(at, y - 2, at, bottom + 4, "grid")
        text(at, bottom + 16, "tick", tick)
        text(x, bottom + 16, "tick", "0")
    }
    for (i = 1; i <= tools; i++) {
        if (!((c, tool[i], op[k], metric[k]) in value)) {
            text(x + 5, y + i * BAR - 6, "value none", "-")
            continue
        }
        v = value[c, tool[i], op[k], metric[k]]
        long = max > 0 ? WIDE * v / max : 0
        printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" class=\"%s\"/>\n",
            x, y + (i - 1) * BAR + 3, long, BAR - 6, (tool[i] == "dedup" ? "own" : "peer")
        text(x + long + 4, y + i * BAR - 6, "value", fmt(v))
    }
    line(x, y - 2, x, bottom + 4, "axis")
    line(x, bottom + 4, x + WIDE, bottom + 4, "axis")
}

BEGIN {
    FS = "\t"
    BAR = 20; WIDE = 135; STEP = 192; LEFT = 78; TOP = 62
    op[1] = "first";     metric[1] = "wall"; head[1] = "first snapshot, s"
    op[2] = "unchanged"; metric[2] = "wall"; head[2] = "unchanged, s"
    op[3] = "next";      metric[3] = "wall"; head[3] = "later version(s), s"
    op[4] = "restore";   metric[4] = "wall"; head[4] = "restore, s"
    op[5] = "next";      metric[5] = "size"; head[5] = "size after all, MiB"
    panels = 5
    while ((getline row < about) > 0) {
        split(row, f, "\t")
        if (f[1] == "tool") tool[++tools] = f[2]
        else if (f[1] == "corpus" && !(f[2] in files)) {
            corpus[++corpora] = f[2]
            files[f[2]] = f[4]; mib[f[2]] = f[5]
        } else fact[f[1]] = f[2]
    }
}

{ value[$1, $2, $3, $4] = $6 + 0 }

END {
    high = tools * BAR + 86
    width = LEFT + panels * STEP + 10
    height = TOP + corpora * high
    page(width, height, "Times and sizes of dedup and its peers; shorter is better")
    text(14, 26, "title", "dedup and its peers: shorter is better")
    text(14, 45, "note", sprintf("medians of %s round%s, wall time, page cache warm; %s cores, %s%s",
        fact["rounds"], fact["rounds"] == 1 ? "" : "s", fact["cores"], fact["date"],
        fact["scale"] == 1 ? "" : "; TRIAL at scale " fact["scale"]))
    for (r = 1; r <= corpora; r++) {
        y = TOP + (r - 1) * high
        c = corpus[r]
        text(14, y + 16, "head", c ": " files[c] (files[c] == 1 ? " file, " : " files, ") mib[c] " MiB" (c == "versions" ? ", ten versions" : ", two versions"))
        for (i = 1; i <= tools; i++) text(LEFT - 8, y + 44 + i * BAR - 6, "name", tool[i])
        for (k = 1; k <= panels; k++) {
            text(LEFT + (k - 1) * STEP, y + 36, "note", head[k])
            panel(c, k, LEFT + (k - 1) * STEP, y + 44)
        }
    }
    print "</svg>"
}
