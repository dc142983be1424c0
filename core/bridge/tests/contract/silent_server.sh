# A server that agrees on a revision and then never says another word.
read -r line
id=$(printf '%s' "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
meta='"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"silent","version":"1"}}'
printf '{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},%s}}\n' "$id" "$meta"
cat > /dev/null
