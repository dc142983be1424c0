#!/bin/sh
# Runs the programs of docs/c.md: each ends well and prints what the page says. Usage: docs.sh FOLDER
cd "$1" || exit 1
passed=0
failed=0
for source in *.c; do
    program=${source%.c}
    if timeout 300 "./$program" </dev/null >"$program.printed" 2>"$program.errors" &&
        { [ ! -e "$program.expected" ] || diff "$program.expected" "$program.printed"; }; then
        echo "docs/c.md: $source ... ok"
        passed=$((passed + 1))
    else
        echo "docs/c.md: $source ... FAILED"
        cat "$program.errors"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
