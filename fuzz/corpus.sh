#!/usr/bin/env bash
# Unpacks a target's corpus for cargo-fuzz, or packs a folder of inputs in its place. It is one file a target,
# fuzz/corpus/TARGET.base64, with an input a line: libFuzzer's own form is hundreds of files.
#
#   fuzz/corpus.sh unpack TARGET FOLDER
#   fuzz/corpus.sh pack TARGET FOLDER
set -euo pipefail
usage() { sed -n '5,6s/^# *//p' "$0" >&2; exit 2; }
[ $# = 3 ] || usage
packed="$(dirname "$0")/corpus/$2.base64"
case $1 in
unpack)
    mkdir -p "$3"
    number=0
    while read -r line; do
        number=$((number + 1))
        printf %s "$line" | base64 --decode >"$3/$(printf %05d "$number")"
    done <"$packed"
    ;;
pack)
    for input in "$3"/*; do
        base64 <"$input" | tr -d '\n'
        echo
    done | LC_ALL=C sort -u >"$packed"
    ;;
*) usage ;;
esac
