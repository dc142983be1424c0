#!/bin/sh
# Builds the library, its Swift package with the tests, the examples and the conformance programs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)

"$here/generate.sh"
"$here/toolchain.sh" run "$here" -- swift build --quiet --build-tests
"$here/toolchain.sh" run "$repo/examples/swift" -- swift build --quiet
"$here/toolchain.sh" run "$repo/tests/conformance/swift" -- swift build --quiet
