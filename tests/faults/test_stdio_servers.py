"""Raw lines at each language's server over stdio, and whether it lives on."""

import array
import fcntl
import json
import os
import queue
import subprocess
import termios
import threading
import time

import pytest

from languages import SERVERS
from processes import GIGABYTE, GUARD, MAX_GROWTH, PIECE, peak

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "faults", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def call(id, name="echo", arguments=None, **changes):
    params = {"name": name, "arguments": {"text": "hello"} if arguments is None else arguments, "_meta": META}
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params, **changes}


class Served:
    """A server process."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.lives()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        self.write(json.dumps(message).encode() + b"\n")

    def send_together(self, *messages):
        self.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def await_read(self):
        """Waits until the server has read all that was written."""
        unread = array.array("i", [1])
        until = time.monotonic() + GUARD
        while unread[0] > 0:
            assert time.monotonic() < until, "the server reads no more"
            time.sleep(0.005)
            fcntl.ioctl(self.process.stdin, termios.FIONREAD, unread)

    def receive(self):
        line = self.lines.get(timeout=GUARD)
        assert line is not None, "the server closed its output"
        return json.loads(line)

    def error(self):
        answer = self.receive()
        assert answer["error"]["message"], answer
        return answer["id"], answer["error"]["code"]

    def lives(self):
        self.send(call("alive"))
        answer = self.receive()
        assert (answer["id"], answer["result"]["content"][0]["text"]) == ("alive", "hello"), answer

    def end(self):
        """Closes its input; it must exit by itself."""
        self.process.stdin.close()
        assert self.process.wait(GUARD) == 0
        assert self.lines.get(timeout=GUARD) is None


@pytest.fixture(params=SERVERS)
def server(request):
    served = Served(SERVERS[request.param])
    before = fds(served)
    yield served
    if served.process.poll() is None:
        served.lives()
        assert fds(served) <= before
        served.end()
    served.process.stdout.close()


def fds(served):
    return len(os.listdir(f"/proc/{served.process.pid}/fd"))


def test_noise_is_not_answered(server):
    server.write(b"INFO a log line\n\n\r\n\xff\xfe\x80\n\xef\xbb\xbf   \nhello\n")
    server.lives()


def test_broken_json_is_a_parse_error(server):
    for line, id in [
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/ca\n', 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}\n', 1),
        (b"{\n", None),
        (b"[1,\n", None),
    ]:
        server.write(line)
        assert server.error() == (id, -32700)


def test_a_line_in_two_halves_is_one_line(server):
    line = json.dumps(call("halves")).encode()
    server.write(line[:40])
    server.await_read()
    server.write(line[40:] + b"\r\n")
    assert server.receive()["id"] == "halves"


def test_what_is_no_request_is_an_invalid_request_with_its_id(server):
    for message in [
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]},
        {"jsonrpc": "2.0", "id": 1, "Method": "ping"},
    ]:
        server.send(message)
        assert server.error() == (1, -32600), message
    server.write(b'{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}\n')
    assert server.error() == (1, -32600)
    server.send({"jsonrpc": "2.0", "id": None, "method": "ping"})
    assert server.error() == (None, -32600)


def test_a_batch_is_refused(server):
    server.send([call(1), call(2)])
    assert server.error() == (None, -32600)


def test_a_line_over_the_limit_is_refused_by_its_id(server):
    line = json.dumps(call("large", arguments={"text": "x" * (20 << 20)})).encode() + b"\n"
    server.write(line)
    assert server.error() == ("large", -32600)


def test_deep_json_is_refused(server):
    depth = 100_000
    server.write(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * depth + b"]" * depth + b"}}\n")
    assert server.error() == (1, -32700)


def test_keys_that_readers_could_disagree_on(server):
    def call_with(arguments):
        server.write(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":%s,"_meta":%s}}\n'
                     % (arguments, json.dumps(META).encode()))
        return server.receive()["result"]

    for arguments in [b'{"text":"a","text":"b"}', b'{"text":"a","\\u0074ext":"b"}', b'{"text":"a","x":{"y":1,"y":1}}']:
        result = call_with(arguments)
        assert result["isError"] is True and "duplicate" in result["content"][0]["text"], result
    for arguments in [b'{"Text":"a"}', b'{"text\\u0000":"a"}', b'{"\\u0000text":"a"}']:
        assert call_with(arguments)["isError"] is True
    # A schema may allow other members or not; either way none of them is taken for the one that is meant.
    for arguments in [b'{"text":"a","Text":"b"}', b'{"text\\u0000":"b","text":"a"}']:
        result = call_with(arguments)
        assert result.get("isError") is True or result["content"][0]["text"] == "a", result
    for params in [b'"name":"echo","name":"throw"', b'"name":"throw","n\\u0061me":"echo"', b'"Name":"echo"', b'"name\\u0000":"echo"']:
        server.write(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{%s,"arguments":{"text":"a"},"_meta":%s}}\n'
                     % (params, json.dumps(META).encode()))
        assert server.error() == (1, -32602)


def test_a_gigabyte_on_one_line_takes_little_memory(server):
    before = peak(server.process.pid)
    server.write(b'{"jsonrpc":"2.0","id":"giant","method":"tools/call","params":{"name":"echo","arguments":{"text":"')
    for _ in range(GIGABYTE // len(PIECE)):
        server.write(PIECE)
    server.write(b'"}}}\n')
    assert server.error() == ("giant", -32600)
    assert peak(server.process.pid) - before <= MAX_GROWTH


def test_wrong_calls(server):
    server.send(call(1, name="nothing"))
    assert server.error() == (1, -32602)
    server.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"_meta": META}})
    assert server.error() == (2, -32602)
    server.send({"jsonrpc": "2.0", "id": 3, "method": "no/such", "params": {"_meta": META}})
    assert server.error() == (3, -32601)
    server.send({"jsonrpc": "2.0", "id": 4, "method": "tools/list", "params": {}})
    assert server.error() == (4, -32602)
    server.send({"jsonrpc": "2.0", "id": 5, "method": "tools/list", "params": {"_meta": META | {"io.modelcontextprotocol/protocolVersion": "1999-01-01"}}})
    assert server.error() == (5, -32022)


def test_arguments_that_break_the_schema_are_told_to_the_model(server):
    for arguments in [{}, {"text": 5}]:
        server.send(call(1, arguments=arguments))
        result = server.receive()["result"]
        assert result["isError"] is True and "text" in result["content"][0]["text"], result


def test_a_handler_that_throws_is_an_error(server):
    server.send(call(1, name="throw", arguments={}))
    answer = server.receive()
    assert "error" in answer or answer["result"]["isError"] is True, answer


def test_a_cancelled_call_is_not_answered(server):
    # In one piece, so that they are read together; the last is begun later and slower, so that the answer of the first would come before it.
    server.send_together(
        call("cancelled", name="sleep", arguments={"ms": 200}),
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "cancelled"}},
        call("later", name="sleep", arguments={"ms": 400}),
    )
    assert server.receive()["id"] == "later"


def test_strays_are_ignored(server):
    server.send({"jsonrpc": "2.0", "id": 77, "result": {}})
    server.send({"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "?"}})
    server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "never"}})
    server.send({"jsonrpc": "2.0", "method": "notifications/cancelled"})
    server.send({"jsonrpc": "2.0", "method": "notifications/unheard-of", "params": {}})
    server.lives()


def test_an_id_in_flight_cannot_be_used_again(server):
    # In one piece, so that they are read together.
    server.send_together(call(1, name="sleep", arguments={"ms": 300}), call(1))
    assert server.error() == (1, -32600)
    assert server.receive()["result"]["content"][0]["text"] == "slept"


def test_a_server_whose_client_is_gone_exits(server):
    server.send(call(1, name="sleep", arguments={"ms": 3_600_000}))
    server.await_read()
    server.process.stdin.close()
    server.process.wait(GUARD)


def test_what_was_asked_before_the_input_ended_is_answered(server):
    server.send(call("last", name="sleep", arguments={"ms": 10}))
    server.process.stdin.close()
    assert server.receive()["id"] == "last"
    assert server.process.wait(GUARD) == 0
