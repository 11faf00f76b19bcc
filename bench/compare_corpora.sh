# The corpora of bench/compare; sourced. make_tree fills $tree with version 1 of
# $corpus; `corpus_make edit` turns it into the later ones.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # set and used by compare

NOISE_SEED=1 SMALL_SEED=2 EDIT_SEED=3
NOISE_BYTES=2147483648 SMALL_FILES=200000

choose_corpora() {
    known="kernel noise small versions"
    corpora=${corpora:-$known}
    for c in $corpora; do
        case " $known " in *" $c "*) ;; *) die "--corpus: unknown: $c" ;; esac
    done
    case " $corpora " in
    *" kernel "* | *" versions "*)
        [ -e "$kernel" ] ||
            die "$kernel is missing: apt-get install linux-source-6.1, or --kernel PATH"
        ;;
    esac
}

# part N: N at --scale, at least 1
part() {
    awk -v n="$1" -v scale="$scale" 'BEGIN {
        n = int(n * scale); printf "%.0f\n", n < 1 ? 1 : n }'
}

# The kernel's source, once for all rounds; at a scale the first entries of it.
unpack_kernel() {
    [ ! -d "$base/kernel-source" ] || return 0
    echo "compare: unpacking the kernel's source" >&2
    mkdir "$base/kernel-source"
    if [ -d "$kernel" ]; then
        tar -C "$kernel" -cf "$base/kernel.tar" .
    else
        case $kernel in
        *.xz) xz -T0 -dc "$kernel" >"$base/kernel.tar" ;;
        *) cp "$kernel" "$base/kernel.tar" ;;
        esac
    fi
    tar -tf "$base/kernel.tar" >"$base/kernel.list"
    head -n "$(part "$(wc -l <"$base/kernel.list")")" "$base/kernel.list" >"$base/kernel.part"
    tar -C "$base/kernel-source" --no-recursion -xf "$base/kernel.tar" -T "$base/kernel.part"
    truncate -s 0 "$base/kernel.tar"
    # an archive with one directory that holds all
    source=$(find "$base/kernel-source" -mindepth 1 -maxdepth 1)
    [ -d "$source" ] || source=$base/kernel-source
}

make_tree() {
    case $corpus in
    kernel | versions)
        unpack_kernel
        cp -a "$source/." "$tree"
        ;;
    noise) "$corpus_make" noise "$tree" $NOISE_SEED "$(part $NOISE_BYTES)" ;;
    small) "$corpus_make" small "$tree" $SMALL_SEED "$(part $SMALL_FILES)" ;;
    esac
    # A later change is seen by times of a resolution of one second, too.
    sleep 1
}

# tree_sum DIR: SHA-256 over names, types, modes, times, link targets, content
tree_sum() {
    {
        (cd "$1" && find . -printf '%p %y %m %T@ %l\n' | LC_ALL=C sort)
        (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum)
    } | sha256sum | cut -d' ' -f1
}

# What this version of the tree is; it must be the same in every round.
describe_tree() {
    row=$(printf 'corpus\t%s\t%s\t%s\t%s\t%s' "$corpus" "$version" \
        "$(find "$tree" -type f | wc -l)" "$(du -sm --apparent-size "$tree" | cut -f1)" \
        "$(tree_sum "$tree")")
    if [ "$round" = 1 ]; then
        echo "$row" >>"$about"
    elif ! grep -qxF "$row" "$about"; then
        die "$corpus: version $version differs from that of round 1"
    fi
}

# MiB and files of the largest version of a corpus, at scale 1
corpus_room() {
    case $1 in
    noise) echo 2100 10 ;;
    small) echo 1200 215000 ;;
    *) echo 1600 86000 ;;
    esac
}

# check_space: room for one round of the largest corpus, and inodes for all
# rounds (see empty). Each tool holds a repository; one restored tree at a time.
check_space() {
    n=$(echo "$tools" | wc -w)
    need=$(for c in $corpora; do corpus_room "$c"; done |
        awk -v n="$n" -v rounds="$rounds" -v scale="$scale" '
        { if ($1 > mb) mb = $1; files += $2 }
        END {
            inodes = files * (n + 2) * rounds * scale
            # the kernel twice (archive, source); directories stay, 15 files each
            printf "%.0f %.0f\n", 3000 + mb * scale * (n + 3) + inodes / 15 / 256, inodes + 100000
        }')
    need_mb=${need% *} need_inodes=${need#* }
    free_mb=$(df -Pm "$base" | awk 'NR == 2 { print $4 }')
    free_inodes=$(df -Pi "$base" | awk 'NR == 2 { print $4 }')
    [ "$free_mb" -ge "$need_mb" ] ||
        die "$need_mb MiB are needed, $free_mb are free: another --dir, fewer peers, --scale"
    # some file systems count no inodes
    case $free_inodes in 0 | -) return ;; esac
    [ "$free_inodes" -ge "$need_inodes" ] ||
        die "$need_inodes inodes are needed, $free_inodes are free: another --dir, fewer --rounds"
}
