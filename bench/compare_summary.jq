# figures.jsonl to summary.tsv: corpus, tool, op, metric, rounds, median, least,
# most; wall and cpu in seconds, rss, anon and size in MiB. Where an op was done
# for several versions in a round, times are their sum, sizes their largest.

def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
def short: . * 1000 | round / 1000;

map((.label | split("/")) as $l
    | { wall: .wall, cpu: (if .user then .user + .sys else null end),
        rss: .rss_mb,
        busy: (if .user and .wall > 0 then (.user + .sys) / .wall else null end), anon: .anon_mb, size: .size_mb }
    | to_entries[] | select(.value != null)
    | { where: ($l[0:3] + [.key]), round: $l[3], metric: .key, value: .value })
| group_by(.where)[]
| .[0] as $first
| (group_by(.round)
   | map(map(.value)
         | if $first.metric == "wall" or $first.metric == "cpu" then add else max end)) as $v
| $first.where + [$v | length, (median | short), (min | short), (max | short)]
| @tsv
