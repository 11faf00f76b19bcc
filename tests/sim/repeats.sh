#!/bin/sh
# A history is its seed: the same operations, whoever runs it, and whatever ran
# before it in the same process. sh repeats.sh SIM
set -u
sim=${1:?the simulator}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

for seed in 3 5 8 11; do
    "$sim" --seed "$seed" --histories 1 --trace >"$scratch/one" || exit 1
    "$sim" --seed "$seed" --histories 1 --trace >"$scratch/two" || exit 1
    "$sim" --seed $((seed - 1)) --histories 2 --trace >"$scratch/after" || exit 1
    [ "$(wc -l <"$scratch/one")" -gt 50 ] || exit 1
    cmp "$scratch/one" "$scratch/two" || exit 1
    tail -n "$(wc -l <"$scratch/one")" "$scratch/after" >"$scratch/three"
    cmp "$scratch/one" "$scratch/three" || exit 1
done
