#!/bin/sh
# Builds the oxmcp library and puts what the Swift package needs of it into Generated/:
#
#   Generated/OxmcpFFI/OxmcpFFI.swift             the Swift side of the surface, written by UniFFI
#   Generated/COxmcpFFI/{COxmcpFFI.h,module.modulemap}    its C side
#   Generated/lib/liboxmcp_ffi.*                  the library
#
# Files that did not change keep their times, so that Swift does not build anew what is up to date.
#
#   generate.sh [--release]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
target="${CARGO_TARGET_DIR:-$repo/target}"
out="$here/Generated"
work="$out/.new"

profile=debug
flag=
if [ "${1:-}" = --release ]; then
    profile=release
    flag=--release
fi

# Copies a file to its place when it differs, at once and whole.
place() {
    cmp -s "$1" "$2" && return
    cp "$1" "$2.new"
    mv "$2.new" "$2"
}

cd "$repo"
# shellcheck disable=SC2086 # no argument when there is no flag
cargo build --quiet --locked --package oxmcp-ffi $flag
library=liboxmcp_ffi.so
[ "$(uname -s)" != Darwin ] || library=liboxmcp_ffi.dylib

mkdir -p "$out/OxmcpFFI" "$out/COxmcpFFI" "$out/lib" "$work"
if ! cmp -s "$target/$profile/$library" "$out/lib/$library"; then
    cargo run --quiet --locked --package oxmcp-ffi --features bindgen --bin uniffi-bindgen -- \
        generate --library "$target/$profile/$library" --language swift --no-format --out-dir "$work"
    place "$work/OxmcpFFI.swift" "$out/OxmcpFFI/OxmcpFFI.swift"
    place "$work/COxmcpFFI.h" "$out/COxmcpFFI/COxmcpFFI.h"
    # The modules of Apple's platforms that UniFFI names are not there elsewhere, and not needed.
    grep -v '^ *use ' "$work/COxmcpFFI.modulemap" >"$work/module.modulemap"
    place "$work/module.modulemap" "$out/COxmcpFFI/module.modulemap"
    # Last, for it says that the rest is there.
    place "$target/$profile/$library" "$out/lib/$library"
fi
rm -rf "$work"
