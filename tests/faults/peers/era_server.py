"""An MCP server of some era: `era_server.py stdio|http MANNER LOG`. It serves 2026-07-28, a revision of the handshake era, or neither, and
MANNER says what it makes of the `server/discover` of a client that does not know yet. LOG gets a line when it starts, and the method of
everything it is sent. Over HTTP it prints its URL first.

Standard library only.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KIND, MANNER, LOG = sys.argv[1:4]

MODERN = {
    "resultType": "complete",
    "supportedVersions": ["2026-07-28", "2025-11-25"],
    "capabilities": {"tools": {}},
    "ttlMs": 0,
    "cacheScope": "private",
}


def refused(code, **more):
    return {"error": {"code": code, "message": "no", **more}}


def unsupported(*versions):
    return refused(-32022, data={"supported": versions, "requested": "2026-07-28"})


# What a manner answers to `server/discover`, and, where it is not that of the handshake era, to `initialize`.
ANSWERS = {
    "modern": ({"result": MODERN}, refused(-32601)),
    "method_not_found": (refused(-32601), None),
    "invalid_params": (refused(-32602), None),
    "invalid_request": (refused(-32600), None),
    "not_initialized": (refused(-32000), None),
    "code_zero": (refused(0), None),
    "another_result": ({"result": {"tools": []}}, None),
    "knows_an_older_one": (unsupported("2025-06-18"), None),
    "oldest": (refused(-32601), {"result": {"protocolVersion": "2024-11-05"}}),
    "from_the_future": (unsupported("2099-01-01"), refused(-32601)),
    "from_the_past": (refused(-32601), {"result": {"protocolVersion": "2023-01-01"}}),
    "header_mismatch": (refused(-32020), None),
    "refuses_all": (refused(-32601), refused(-32603)),
}

# What it does in place of answering, over stdio and over HTTP. `status`, with a type and a body, is a response that is no answer.
SILENT = "silent"
EXITS = "exits"
NOISE = "noise"
STATUS = {
    "status_400": (400, "text/plain", b"Bad Request"),
    "status_400_json": (400, "application/json", b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no session"}}'),
    "status_404": (404, "text/html", b"<h1>Not found</h1>"),
    "status_405": (405, None, b""),
    "status_500": (500, "text/plain", b"a stack trace"),
    "status_202": (202, None, b""),
    "status_200_html": (200, "text/html", b"<h1>It works!</h1>"),
    "status_401": (401, None, b""),
}


def log(line):
    with open(LOG, "a") as file:
        file.write(line + "\n")


def answer(request):
    probe, handshake = ANSWERS.get(MANNER, (refused(-32601), None))
    if request["method"] == "server/discover":
        body = probe
    elif request["method"] == "initialize":
        ours = {"result": {"protocolVersion": request["params"]["protocolVersion"]}}
        body = handshake or ours
        if "result" in body:
            body["result"] |= {"capabilities": {"tools": {}}, "serverInfo": {"name": "era", "version": "0"}}
    else:
        body = refused(-32601)
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], **body}).encode()


def serve_stdio():
    for line in sys.stdin.buffer:
        request = json.loads(line)
        method = request["method"]
        log(method)
        if "id" not in request or (MANNER == SILENT and method == "server/discover"):
            continue
        if MANNER == EXITS and method != "initialize":
            os._exit(1)
        if MANNER == NOISE:
            sys.stdout.buffer.write(b'Listening...\n{"level":"warn","id":1,"msg":"what is server/discover?"}\n')
        sys.stdout.buffer.write(answer(request) + b"\n")
        sys.stdout.buffer.flush()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = request["method"]
        log(method)
        if "id" not in request:
            self.reply(202, None, b"")
        elif method == "server/discover" and MANNER in STATUS:
            self.reply(*STATUS[MANNER])
        elif method == "server/discover" and MANNER == EXITS:
            self.close_connection = True
        elif method == "server/discover" and MANNER == SILENT:
            # Until the client goes away.
            self.rfile.read(1)
            self.close_connection = True
        else:
            self.reply(200, "application/json", answer(request))

    def do_GET(self):
        self.reply(405, None, b"")

    def do_DELETE(self):
        self.reply(405, None, b"")

    def reply(self, status, kind, body):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


log("start")
if KIND == "stdio":
    serve_stdio()
else:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}/mcp", flush=True)
    server.serve_forever()
