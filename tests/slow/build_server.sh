#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/slow/build_server.sh NAME - build one of the pinned servers (collector, prometheus,
# jaeger), once.
#
# Prints the path of the binary. It is cached outside the tree, under a name that changes with
# everything it is built from. Exit status 77 when there is no Go or no module proxy.
set -euo pipefail

name=${1:?usage: build_server.sh collector|prometheus|jaeger}
here=$(cd "$(dirname "$0")" && pwd)
package=. tags=
case "$name" in
collector) ;;
# Service discovery of single clouds is most of its code, and of no use here.
prometheus) package=github.com/prometheus/prometheus/cmd/prometheus tags=remove_all_sd,netgo ;;
jaeger) package=github.com/jaegertracing/jaeger/cmd/all-in-one ;;
*) echo "build_server.sh: no server is called '$name'" >&2; exit 64 ;;
esac
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rkpreload
go=$here/../../build/bin/go
[ -x "$go" ] || go=$(command -v go) || {
    echo "no Go toolchain: tools/setup --slow brings one" >&2
    exit 77
}
key=$(cat "$here/$name"/* "$0" | sha256sum | cut -c1-16)
binary=$cache/$name-$key
if [ ! -x "$binary" ]; then
    mkdir -p "$cache"
    cd "$here/$name"
    # go.mod and go.sum are the pins: what they do not have is not fetched.
    if ! CGO_ENABLED=0 GOFLAGS=-mod=readonly "$go" build -trimpath -tags "$tags" \
        -ldflags='-s -w' -o "$binary.$$" "$package" >&2; then
        rm -f "$binary.$$"
        echo "$name could not be built (above)" >&2
        exit 77
    fi
    mv "$binary.$$" "$binary"
fi
echo "$binary"
