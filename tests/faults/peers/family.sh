#!/bin/sh
# family.sh MANNERS PIDS: a wrapper that starts an MCP server that starts a grandchild. Their process ids are in the file PIDS before the
# server answers.
#
# The server can do nothing but be connected to. With the manners `good` it exits at the end of its input; with `bad` it ignores that, and
# signals too. The grandchild always does, and holds the server's output open.
manners=$1 pids=$2 role=${3:-wrapper}

case $role in
wrapper)
    echo $$ >>"$pids"
    "$0" "$manners" "$pids" server
    exit $?
    ;;
server)
    echo $$ >>"$pids"
    "$0" "$manners" "$pids" grandchild &
    echo $! >>"$pids"
    read -r _
    echo '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private"}}'
    [ "$manners" = bad ] && trap '' TERM HUP
    while read -r _; do :; done
    [ "$manners" = bad ] && sleep 600
    exit 0
    ;;
grandchild)
    trap '' TERM HUP
    exec sleep 600
    ;;
esac
