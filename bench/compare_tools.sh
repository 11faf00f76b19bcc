# The tools of bench/compare; sourced. For each TOOL:
#   TOOL_init       makes $repo ready, not timed
#   TOOL_put OP     measures a snapshot of $tree as OP
#   TOOL_get        measures a restore of the newest into $restored, which is
#                   not there yet
#   TOOL_release    prints its version
# Encrypted where the tool can; zstd at level 3 or what the tool has beside it.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317 # set by compare; called by composed names

export DEDUP_PASSPHRASE=benchmark RESTIC_PASSWORD=benchmark
export BORG_PASSPHRASE=benchmark KOPIA_PASSWORD=benchmark
export KOPIA_CHECK_FOR_UPDATES=false
# Nobody's settings: a repository, options or a configuration from outside.
unset DEDUP_REPO DEDUP_CONFIG RESTIC_REPOSITORY BORG_REPO ZSTD_CLEVEL ZSTD_NBTHREADS

choose_tools() {
    tools=dedup
    for t in restic borg casync kopia bupstash tar cp; do
        case " ${peers:-$t} " in *" $t "*) ;; *) continue ;; esac
        command=$t
        [ "$t" != tar ] || command=zstd
        if command -v "$command" >/dev/null; then
            tools="$tools $t"
        elif [ -n "$peers" ]; then
            die "--peer $t: $command is not installed"
        else
            echo "compare: $t is not installed: left out" >&2
        fi
    done
    for t in $peers; do
        case " $tools " in *" $t "*) ;; *) die "--peer: unknown: $t" ;; esac
    done
}

# have_memory DIR BYTES: memory that a virtual machine has not used lately is its
# host's, and costs whoever writes it first some times the writing: as much as will
# be needed is had before.
have_memory() {
    head -c "$2" /dev/zero >"$1/memory"
    rm "$1/memory"
}

# tool_does TOOL OP: an archive has no unchanged snapshot, a copy no later ones
tool_does() {
    case $1/$2 in tar/unchanged | cp/unchanged | cp/next) return 1 ;; esac
}

# tool_compare: $restored against $tree, everything a backup must bring back;
# names, types and content for tools whose options here do not ask for more. A
# peer may have other holes: the report says so.
tool_compare() {
    at=$restored
    case $tool in restic | borg) at=$restored$tree ;; esac
    case $tool in
    kopia | bupstash) diff -r --no-dereference "$tree" "$at" >"$base/diff" 2>&1 ;;
    *) "$treecmp" "$tree" "$at" >"$base/diff" 2>&1 ;;
    esac && return
    case $tool in
    dedup | kopia | bupstash) ;;
    *)
        if "$treecmp" --ignore=holes "$tree" "$at" >"$base/diff" 2>&1; then
            said=$(printf 'differs\t%s\t%s\tholes' "$corpus" "$tool")
            grep -qxF "$said" "$about" || echo "$said" >>"$about"
            return
        fi
        ;;
    esac
    head -n 20 "$base/diff" >&2
    die "$corpus: $tool restored something else"
}

dedup_init() {
    "$dedup" init -r "$repo" >"$base/log"
}
dedup_put() {
    measure "$1" "$dedup" -r "$repo" snapshot \
        --series bench "$tree"
}
dedup_get() {
    measure restore "$dedup" -r "$repo" restore \
        "latest:$tree" --target "$restored"
}
dedup_release() {
    "$dedup" --version | head -n 1 | sed 's/^dedup //'
}

restic_init() {
    restic -q -r "$repo" init --repository-version 2 >"$base/log"
}
restic_put() {
    measure "$1" restic -q -r "$repo" backup "$tree"
}
restic_get() {
    measure restore restic -q -r "$repo" restore latest \
        --target "$restored"
}
restic_release() {
    restic version | awk '{ print $2 }'
}

borg_init() {
    borg init -e repokey-blake2 "$repo" >"$base/log" 2>&1
}
borg_put() {
    measure "$1" borg create -C zstd,3 \
        "$repo::$1-$version" "$tree"
}
borg_get() {
    mkdir "$restored"
    measure restore env -C "$restored" borg extract \
        "$repo::next-$version"
}
borg_release() {
    borg --version | awk '{ print $2 }'
}

# casync does not encrypt. It reads all files each time: with its --cache, version
# 2+20201210 made archives of an edited tree that it could not extract again.
casync_init() {
    mkdir "$repo/store"
}
casync_put() {
    measure "$1" casync make --log-level=err --with=best --compression=zstd \
        --store="$repo/store" "$repo/$version.caidx" "$tree"
}
casync_get() {
    measure restore casync extract --log-level=err --with=best \
        --store="$repo/store" "$repo/$version.caidx" "$restored"
}
casync_release() {
    casync --version | awk 'NR == 1 { print $NF }'
}

kopia_init() {
    kopia repository create filesystem --path "$repo" \
        --cache-directory "$cache/kopia" >"$base/log" 2>&1
    kopia policy set --global --compression zstd >>"$base/log" 2>&1
}
kopia_put() {
    measure "$1" kopia snapshot create --no-progress "$tree"
}
kopia_get() {
    id=$(kopia snapshot list --json "$tree" | jq -r 'max_by(.startTime).id')
    measure restore kopia snapshot restore --no-progress "$id" "$restored"
}
kopia_release() {
    kopia --version | awk '{ print $1 }'
}

bupstash_init() {
    bupstash new-key -o "$cache/key"
    rmdir "$repo"
    bupstash init -r "$repo"
}
bupstash_put() {
    measure "$1" bupstash put -q -r "$repo" -k "$cache/key" \
        --send-log "$cache/send-log" "name=bench-$1-$version" "$tree"
}
bupstash_get() {
    mkdir "$restored"
    measure restore bupstash restore -q -r "$repo" -k "$cache/key" \
        --query-cache "$cache/query" --into "$restored" "name=bench-next-$version"
}
bupstash_release() {
    bupstash version | head -n 1
}

# A full archive each time, not encrypted.
tar_init() {
    :
}
tar_put() {
    # shellcheck disable=SC2016 # for the inner shell
    measure "$1" sh -c 'tar -C "$1" --format=posix -cf - . | zstd -q -3 -T2 -o "$2"' sh \
        "$tree" "$repo/$version.tar.zst"
}
tar_get() {
    mkdir "$restored"
    # shellcheck disable=SC2016
    measure restore sh -c 'zstd -q -dc "$1" | tar -C "$2" -xpf -' sh \
        "$repo/$version.tar.zst" "$restored"
}
tar_release() {
    printf '%s, zstd %s\n' "$(tar --version | awk 'NR == 1 { print $NF }')" \
        "$(zstd --version | sed 's/.* v\([0-9.]*\),.*/\1/')"
}

# What the disk allows: the tree copied, and copied again.
cp_init() {
    :
}
cp_put() {
    measure "$1" cp -a "$tree/." "$repo"
}
cp_get() {
    mkdir "$restored"
    measure restore cp -a "$tree/." "$restored"
}
cp_release() {
    cp --version | awk 'NR == 1 { print $NF }'
}
