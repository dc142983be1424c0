"""Raw requests at each language's server over HTTP, and whether it lives on."""

import http.client
import json
import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from languages import SERVERS
from processes import GIGABYTE, GUARD, MAX_GROWTH, PIECE, peak
from test_stdio_servers import META, call

HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "echo",
}


class Served:
    """A server process at a port of its own, which it prints."""

    def __init__(self, command):
        self.process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = urlsplit(self.process.stdout.readline().strip()).port
        self.lives()

    def request(self, body, method="POST", path="/mcp", host=None, **headers):
        merged = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
        merged = {name: value for name, value in merged.items() if value is not None}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD)
        try:
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", host or f"127.0.0.1:{self.port}")
            connection.putheader("Content-Length", str(len(data)))
            for name, value in merged.items():
                connection.putheader(name, value)
            connection.endheaders(data)
            response = connection.getresponse()
            body = response.read()
            return response.status, json.loads(body) if body else None
        finally:
            connection.close()

    def refused(self, status, code, body, **how):
        got, answer = self.request(body, **how)
        assert (got, answer["error"]["code"]) == (status, code), answer
        assert answer["error"]["message"], answer
        return answer

    def lives(self):
        status, answer = self.request(call("alive"))
        assert (status, answer["result"]["content"][0]["text"]) == (200, "hello"), answer

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@pytest.fixture(params=SERVERS, scope="module")
def running(request):
    served = Served(SERVERS[request.param])
    yield served
    served.end()


@pytest.fixture
def server(running):
    before = running.fds()
    yield running
    running.lives()
    until = time.monotonic() + GUARD
    while running.fds() > before:
        assert time.monotonic() < until, "file descriptors were left"
        time.sleep(0.02)


def test_bad_json(server):
    server.refused(400, -32700, b'{"jsonrpc":"2.0"')
    server.refused(400, -32700, b"hello")
    server.refused(400, -32700, b'{"jsonrpc":"2.0","id":1,"method":"\xff"}')
    server.refused(400, -32600, {"jsonrpc": "2.0", "id": 1})
    server.refused(400, -32600, [call(1)])


def test_content_types(server):
    server.refused(415, -32600, call(1), Content_Type="text/plain")
    server.refused(415, -32600, call(1), Content_Type=None)
    server.refused(406, -32600, call(1), Accept="text/html")


def test_headers_that_are_missing_or_say_something_else(server):
    for missing in ["MCP_Protocol_Version", "Mcp_Method", "Mcp_Name"]:
        server.refused(400, -32020, call(1), **{missing: None})
    server.refused(400, -32020, call(1), MCP_Protocol_Version="2025-11-25")
    server.refused(400, -32020, call(1), Mcp_Method="tools/list")
    server.refused(400, -32020, call(1), Mcp_Name="other")
    server.refused(400, -32020, call(1), Mcp_Name="=?base64?!!?=")
    # What cannot be read cannot be compared, and must not slip through.
    unreadable = call(1)
    unreadable["params"]["name"] = 5
    server.refused(400, -32602, unreadable, Mcp_Name="other")
    # What no header repeats for this method is compared with none, and hides no mismatch.
    beside = call(1)
    beside["params"]["uri"] = 5
    server.refused(400, -32020, beside, Mcp_Name="other")
    server.refused(400, -32602, unreadable, Mcp_Name=None)


def test_revisions(server):
    unknown = call(1)
    unknown["params"]["_meta"] = META | {"io.modelcontextprotocol/protocolVersion": "1999-01-01"}
    answer = server.refused(400, -32022, unknown, MCP_Protocol_Version="1999-01-01")
    assert "2026-07-28" in answer["error"]["data"]["supported"]
    bare = call(1)
    bare["params"]["_meta"] = {}
    assert server.request(bare)[0] == 400


def test_hosts_and_origins(server):
    for host in ["evil.example.com", "evil.example.com:80", "127.0.0.1.evil.example.com", "localhost.evil.example.com"]:
        assert server.request(call(1), host=host)[0] == 403, host
    # The authority of a request line, as HTTP/2 and proxies have it, counts like the header.
    for authority, status in [("evil.example.com", 403), (f"127.0.0.1:{server.port}", 200)]:
        assert server.request(call(1), path=f"http://{authority}/mcp")[0] == status, authority
    for origin in ["http://evil.example.com", "null", "http://localhost.evil.example.com", "file://"]:
        assert server.request(call(1), Origin=origin)[0] == 403, origin
    assert server.request(call(1), Origin=f"http://localhost:{server.port}")[0] == 200


def test_methods_and_paths(server):
    assert server.request(call(1), path="/other")[0] == 404
    assert server.request(b"", method="GET")[0] == 405
    assert server.request(b"", method="DELETE")[0] == 405
    assert server.request(b"", method="PUT")[0] == 405
    answer = server.refused(404, -32601, {**call(1), "method": "no/such"}, Mcp_Method="no/such", Mcp_Name=None)
    assert answer["id"] == 1


def test_a_body_over_the_limit(server):
    try:
        status, _ = server.request(call(1, arguments={"text": "x" * (20 << 20)}))
        assert status == 413
    except (BrokenPipeError, ConnectionResetError):
        # It may stop reading before all of it is sent.
        pass


@pytest.mark.parametrize("announced", [True, False])
def test_a_gigabyte_takes_little_memory(server, announced):
    before = peak(server.process.pid)
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=GUARD)
    length = f"Content-Length: {GIGABYTE}" if announced else "Transfer-Encoding: chunked"
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    connection.sendall(f"POST /mcp HTTP/1.1\r\nHost: localhost\r\n{length}\r\n{head}\r\n".encode())
    sent = 0
    try:
        while sent < GIGABYTE:
            connection.sendall(PIECE if announced else b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
            sent += len(PIECE)
    except (BrokenPipeError, ConnectionResetError):
        # It takes no more of it than its client needs to see the answer.
        pass
    connection.close()
    assert sent < GIGABYTE // 2
    server.lives()
    assert peak(server.process.pid) - before <= MAX_GROWTH


def test_deep_json_is_refused(server):
    depth = 100_000
    server.refused(400, -32700, b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * depth + b"]" * depth + b"}}")


def test_keys_that_readers_could_disagree_on(server):
    def raw(params):
        return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{%s,"_meta":%s}}' % (params, json.dumps(META).encode())

    for arguments in [b'{"text":"a","text":"b"}', b'{"text":"a","\\u0074ext":"b"}', b'{"Text":"a"}', b'{"text\\u0000":"a"}']:
        status, answer = server.request(raw(b'"name":"echo","arguments":' + arguments))
        assert (status, answer["result"]["isError"]) == (200, True), answer
    # The header names one tool, and the body two, or another that looks like it.
    for params in [b'"name":"echo","name":"throw"', b'"name":"throw","n\\u0061me":"echo"', b'"Name":"echo"', b'"name\\u0000":"echo"']:
        _, answer = server.request(raw(params + b',"arguments":{"text":"a"}'))
        assert answer["error"]["code"] in (-32602, -32020), answer


def test_many_clients_with_the_same_ids_get_their_own_answers(server):
    def ask(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=GUARD)
        heard = []
        for id in range(10):
            text = f"client {number}, call {id}"
            connection.request("POST", "/mcp", json.dumps(call(id, arguments={"text": text})), HEADERS)
            answer = json.loads(connection.getresponse().read())
            heard.append((answer["id"], answer["result"]["content"][0]["text"]) == (id, text))
        connection.close()
        return heard

    with ThreadPoolExecutor(100) as clients:
        assert all(all(heard) and len(heard) == 10 for heard in clients.map(ask, range(100)))


def test_wrong_calls(server):
    status, answer = server.request(call(1, name="nothing"), Mcp_Name="nothing")
    assert (status, answer["error"]["code"]) == (200, -32602)
    status, answer = server.request(call(1, arguments={"text": 5}))
    assert (status, answer["result"]["isError"]) == (200, True)
    status, answer = server.request(call(1, name="throw", arguments={}), Mcp_Name="throw")
    assert status == 200 and ("error" in answer or answer["result"]["isError"])


def test_sessions(server):
    legacy = {"MCP_Protocol_Version": None, "Mcp_Method": None, "Mcp_Name": None}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    server.refused(400, -32600, ping, **legacy)
    server.refused(404, -32600, ping, Mcp_Session_Id="made-up", **legacy)


def test_clients_that_go_away(server):
    for _ in range(20):
        connection = socket.create_connection(("127.0.0.1", server.port))
        body = json.dumps(call(1, name="sleep", arguments={"ms": 60_000})).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in (HEADERS | {"Mcp-Name": "sleep"}).items())
        connection.sendall(f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body)
        connection.close()
    half = socket.create_connection(("127.0.0.1", server.port))
    half.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Le")
    half.close()
    garbage = socket.create_connection(("127.0.0.1", server.port))
    garbage.sendall(b"\x16\x03\x01 no http\r\n\r\n")
    garbage.close()
