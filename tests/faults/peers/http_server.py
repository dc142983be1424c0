"""An MCP server over HTTP with one fault: `http_server.py FAULT`, which prints its URL as its first line.

Standard library only. It has one tool, `echo {"text"}`; the fault shows in the calls whose text is `fault`. It speaks 2026-07-28, and
2025-11-25 after `initialize`.
"""

import json
import socket
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT = sys.argv[1]
JSON = "application/json"
EVENTS = "text/event-stream"


def result_of(text):
    return {"resultType": "complete", "content": [{"type": "text", "text": text}]}


def message(request, result):
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()


# What a call with the text `fault` meets.
def none(http, request):
    http.reply(200, JSON, message(request, result_of("fault")))


def events(http, request):
    half = message(request, result_of("fault"))
    http.reply(200, EVENTS, b": hello\r\n\r\nid: 1\r\nevent: message\r\ndata: " + half + b"\r\n\r\n")


def events_with_noise(http, request):
    data = message(request, result_of("fault"))
    http.reply(200, EVENTS, b"data: not json\n\ndata: {}\n\nevent: other\ndata: x\n\n:\n\ndata: " + data + b"\n\n")


def html(http, request):
    http.reply(200, "text/html", b"<h1>It works!</h1>")


def bad_json(http, request):
    http.reply(200, JSON, b'{"jsonrpc":"2.0","id":')


def no_response(http, request):
    http.reply(200, JSON, b'{"hello":"world"}')


def other_id(http, request):
    http.reply(200, JSON, json.dumps({"jsonrpc": "2.0", "id": 987654, "result": {}}).encode())


def status_500(http, request):
    http.reply(500, "text/plain", b"a stack trace")


def status_401(http, request):
    http.reply(401, "text/plain", b"who are you?")


def redirect(http, request):
    http.reply(307, "text/plain", b"", {"Location": "http://127.0.0.1:9/elsewhere"})


def rpc_error(http, request):
    error = {"code": -32050, "message": "out of luck", "data": {"luck": 0}}
    http.reply(200, JSON, json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode())


def events_without_answer(http, request):
    http.reply(200, EVENTS, b": bye\n\n")


def cut_short(http, request):
    http.reply(200, JSON, message(request, result_of("fault"))[:20], {"Content-Length": "5000"})
    http.connection.shutdown(socket.SHUT_RDWR)


def reset(http, request):
    http.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    http.close_connection = True
    http.wfile.close()
    http.rfile.close()
    http.connection.close()


def too_large(http, request):
    http.reply(200, JSON, message(request, result_of("x" * (20 << 20))))


def too_large_event(http, request):
    http.reply(200, EVENTS, b"data: " + message(request, result_of("x" * (20 << 20))) + b"\n\n")


def gigabyte(http, request):
    http.start(200, JSON, {"Connection": "close"})
    flood(http, message(request, result_of("fault"))[:-5])


def gigabyte_event(http, request):
    http.start(200, EVENTS, {"Connection": "close"})
    flood(http, b"data: " + message(request, result_of("fault"))[:-5])


def gigabyte_lines(http, request):
    http.start(200, EVENTS, {"Connection": "close"})
    flood(http, b"", (b"data: " + b"x" * 1017 + b"\n") * 1024)


def flood(http, head, piece=b"x" * (1 << 20)):
    try:
        http.wfile.write(head)
        for _ in range((1 << 30) // len(piece)):
            http.wfile.write(piece)
    except OSError:
        pass


def hangs(http, request):
    time.sleep(600)


def hangs_in_events(http, request):
    http.start(200, EVENTS, {"Connection": "close"})
    http.wfile.write(b": wait for it\n\n")
    http.wfile.flush()
    time.sleep(600)


def slow_progress(http, request):
    token = request["params"].get("_meta", {}).get("progressToken")
    http.start(200, EVENTS, {"Connection": "close"})
    for step in range(30):
        time.sleep(0.2)
        progress = {"progressToken": token, "progress": step + 1}
        note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}
        http.wfile.write(b"data: " + json.dumps(note).encode() + b"\n\n")
    http.wfile.write(b"data: " + message(request, result_of("fault")) + b"\n\n")


AT_CONNECT = {"not_mcp": html, "broken": status_500, "locked": status_401, "mute": hangs}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = request["method"]
        if FAULT in AT_CONNECT:
            AT_CONNECT[FAULT](self, request)
        elif "id" not in request:
            self.reply(202, None, b"")
        elif method == "server/discover":
            result = {"resultType": "complete", "supportedVersions": ["2026-07-28", "2025-11-25"]}
            result |= {"capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"}
            self.reply(200, JSON, message(request, result))
        elif method == "initialize":
            result = {"protocolVersion": request["params"]["protocolVersion"], "capabilities": {"tools": {}}}
            self.reply(200, JSON, message(request, {**result, "serverInfo": {"name": "faulty", "version": "0"}}))
        elif request["params"]["arguments"]["text"] == "fault":
            globals()[FAULT](self, request)
        else:
            self.reply(200, JSON, message(request, result_of(request["params"]["arguments"]["text"])))

    def do_GET(self):
        self.reply(405, None, b"")

    def do_DELETE(self):
        self.reply(405, None, b"")

    def reply(self, status, kind, body, headers=None):
        self.start(status, kind, {"Content-Length": str(len(body)), **(headers or {})})
        try:
            self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def start(self, status, kind, headers):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if headers.get("Connection") == "close":
            self.close_connection = True

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(f"http://127.0.0.1:{server.server_port}/mcp", flush=True)
server.serve_forever()
