# Takes the programs out of docs/c.md, and beside each what the page says it prints.
#
# A block that begins with "```c NAME.c" goes to NAME.c; a block "```text" after it is what NAME prints.

/^```c$/ { print "docs/c.md:" NR ": a C block needs the name of a file" > "/dev/stderr"; exit 1 }
/^```c / { program = $2; file = folder "/" program; sub(/\.c$/, "", program); next }
/^```text$/ && program != "" { file = folder "/" program ".expected"; program = ""; next }
/^```/ { if (file != "") close(file); file = ""; next }
file != "" { print > file }
