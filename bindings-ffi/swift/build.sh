#!/bin/sh
# Builds the library, its Swift package with the tests, the examples and the conformance programs. Says nothing unless
# something fails.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)

# Runs `swift build` in a package, with the arguments that follow.
build() {
    package="$1"
    shift
    output=$("$here/toolchain.sh" run "$package" -- swift build "$@" 2>&1) || {
        echo "$output" >&2
        exit 1
    }
}

"$here/generate.sh"
build "$here" --build-tests
build "$repo/examples/swift"
build "$repo/tests/conformance/swift"
