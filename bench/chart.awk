# What the charts of compare and growth are drawn with.

function text(x, y, class, s) {
    printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, class, s
}

function line(x1, y1, x2, y2, class) {
    printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class
}

function hue(i) {
    split("#0b6bcb #d1571f #2a8f4e #8a4fbf #b08800 #c2387a", hues, " ")
    return hues[i]
}

function style(    i) {
    print "<style>"
    print "text { font: 12px sans-serif; fill: #24292f }"
    print ".title { font-size: 16px; font-weight: bold }"
    print ".head { font-weight: bold } .note, .tick, .none { fill: #57606a }"
    print ".tick { font-size: 10px; text-anchor: middle } .value { font-size: 11px }"
    print ".name { text-anchor: end }"
    print ".page { fill: #ffffff } .own { fill: #0b6bcb } .peer { fill: #9aa7b4 }"
    for (i = 1; i <= 6; i++) printf ".line%d { stroke: %s; fill: none; stroke-width: 2 } .dot%d { fill: %s }\n", i, hue(i), i, hue(i)
    print ".axis { stroke: #57606a } .grid { stroke: #d0d7de; stroke-dasharray: 2 2 }"
    print "@media (prefers-color-scheme: dark) {"
    print "text { fill: #e6edf3 } .note, .tick, .none { fill: #9da7b1 }"
    print ".page { fill: #0d1117 } .own { fill: #58a6ff } .peer { fill: #6e7a87 }"
    for (i = 1; i <= 6; i++) printf ".line%d { stroke: %s; fill: none; stroke-width: 2 } .dot%d { fill: %s }\n", i, hue(i), i, hue(i)
    print ".axis { stroke: #9da7b1 } .grid { stroke: #30363d } }"
    print "</style>"
}

# page: the beginning of the file, up to its background
function page(width, height, title) {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n",
        width, height, width, height
    printf "<title>%s</title>\n", title
    style()
    printf "<rect width=\"%d\" height=\"%d\" class=\"page\"/>\n", width, height
}
