# Figures of bench/growth, labelled axis/what/number, to a line for each label:
# axis, what, number, measurements, median of wall seconds, largest anonymous
# memory in MB.

function field(name,    at, rest) {
    at = index($0, "\"" name "\":")
    rest = substr($0, at + length(name) + 3)
    sub(/^"/, "", rest)
    sub(/[",}].*/, "", rest)
    return rest
}

function median(label,    n, i, j, v, t) {
    n = split(walls[label], v, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) {
            t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
        }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

{
    label = field("label")
    if (!(label in walls)) order[++labels] = label
    walls[label] = walls[label] " " field("wall")
    times[label]++
    if (field("anon_mb") + 0 > anon[label] + 0) anon[label] = field("anon_mb")
}

END {
    for (i = 1; i <= labels; i++) {
        split(order[i], part, "/")
        printf "%s\t%s\t%s\t%d\t%s\t%s\n", part[1], part[2], part[3],
            times[order[i]], median(order[i]), anon[order[i]]
    }
}
