#!/bin/sh
# Verifies a ledger with jq and sha256sum alone: sh verify.sh DIR
# 0: every entry chains, up to what head.json knows of. 1: it does not.
set -eu
cd "$1"
set -- log-????????????????.jsonl
sha256() { sha256sum | cut -d ' ' -f 1; }

origin=$(head -n 1 "$1" | jq -r 'select(.ev == "ledger.open").d.origin')
prev=$(printf 'glass-ledger-v1\n%s\n' "$origin" | sha256)
known=$(jq -r '"\(.seq) \(.hash)"' head.json 2>/dev/null || echo "-1 none")
at_known=none

cat "$@" | {
    seq=0
    while IFS= read -r line; do
        if [ "$(printf '%s\n' "$line" | jq -r '"\(.v) \(.seq) \(.prev)"')" != "1 $seq $prev" ]; then
            echo "broken: entry $seq is not there, or does not follow $prev"
            exit 1
        fi
        prev=$(printf '%s\n' "$line" | sha256)
        if [ "$seq" = "${known% *}" ]; then at_known=$prev; fi
        seq=$((seq + 1))
    done
    if [ -n "$line" ]; then echo "torn: ${#line} characters follow the last whole line"; fi
    if [ "$at_known" != "${known#* }" ]; then
        # After a loss of power this is no proof: see synced_seq in head.json.
        echo "rolled back or changed: head.json knows of entry ${known% *} with the hash ${known#* }"
        exit 1
    fi
    echo "verified: $seq entries, the last one is $prev"
}
