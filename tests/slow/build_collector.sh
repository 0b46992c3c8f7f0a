#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/slow/build_collector.sh - build the pinned OpenTelemetry Collector, once.
#
# Prints the path of the binary. It is cached outside the tree, under a name that changes with
# everything it is built from. Exit status 77 when there is no Go or no module proxy.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rkpreload
go=$here/../../build/bin/go
[ -x "$go" ] || go=$(command -v go) || {
    echo "no Go toolchain: tools/setup --slow brings one" >&2
    exit 77
}
key=$(cat "$here"/collector/{main.go,go.mod,go.sum} | sha256sum | cut -c1-16)
binary=$cache/otelcol-$key
if [ ! -x "$binary" ]; then
    mkdir -p "$cache"
    cd "$here/collector"
    if ! CGO_ENABLED=0 "$go" build -trimpath -ldflags='-s -w' -o "$binary.$$" . >&2; then
        rm -f "$binary.$$"
        echo "the Collector could not be built (above)" >&2
        exit 77
    fi
    mv "$binary.$$" "$binary"
fi
echo "$binary"
