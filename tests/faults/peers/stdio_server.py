"""An MCP server over stdio with one fault: `stdio_server.py FAULT [PID_FILE [LOG]]`.

Standard library only. It has one tool, `echo {"text"}`; the fault shows in the calls whose text is `fault`. It speaks 2026-07-28 and, after
`initialize`, 2025-11-25. With PID_FILE, it writes the process ids of itself and of what it starts there, one a line; with LOG, what it
receives, as it is.
"""

import json
import os
import signal
import subprocess
import sys
import time

FAULT = sys.argv[1]
OUT = sys.stdout.buffer


# Lines that are no message. Some of them look as if they were about the request in flight, or as if they were one.
NOISE = [
    b"INFO a log line",
    b"\xff\xfe broken \x80 bytes",
    b"caf\xe9 \x93quoted\x94",
    b'{"jsonrpc":"2.0","id":99,"result":{"content":[',
    b'{"jsonrpc":"2.0","method":"notifications/progress","params":{',
    b'{"level":30,"id":1,"msg":"kept in JSON"}',
    b'{"method":"GET","id":7,"path":"/"}',
    b'["a", 1]',
    b"[INFO] a log line",
    b"null",
]


def send(message):
    write(json.dumps(message).encode() + b"\n")


def write(data):
    OUT.write(data)
    OUT.flush()


def result_of(text):
    return {"resultType": "complete", "content": [{"type": "text", "text": text}]}


def answer(request, result):
    send({"jsonrpc": "2.0", "id": request["id"], "result": result})


# What a call with the text `fault` meets. The request is given; nothing else is answered.
def none(request):
    answer(request, result_of("fault"))


def noise(request):
    write(b"\xef\xbb\xbf\r\n\n  \n" + b"".join(line + b"\n" for line in NOISE))
    sys.stderr.write("x" * (1 << 20))
    sys.stderr.flush()
    answer(request, result_of("fault"))
    write(b"\n".join(NOISE) + b"\r\n")


def crlf(request):
    message = {"jsonrpc": "2.0", "id": request["id"], "result": result_of("fault")}
    write(b"\xef\xbb\xbf" + json.dumps(message).encode() + b"\r\n")


def strays(request):
    send({"jsonrpc": "2.0", "id": 999_999, "result": {}})
    send({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "what?"}})
    send({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "?", "progress": "x"}})
    answer(request, result_of("fault"))
    answer(request, result_of("again"))


def bytewise(request):
    for byte in json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result_of("fault")}).encode() + b"\n":
        write(bytes([byte]))


def stderr_flood(request):
    sys.stderr.write("x" * (1 << 20))
    sys.stderr.flush()
    answer(request, result_of("fault"))


def error(request):
    error = {"code": -32050, "message": "out of luck", "data": {"luck": 0}}
    send({"jsonrpc": "2.0", "id": request["id"], "error": error})


def batch(request):
    send([{"jsonrpc": "2.0", "id": request["id"], "result": result_of("fault")}])


def both(request):
    send({"jsonrpc": "2.0", "id": request["id"], "result": {}, "error": {"code": 1, "message": "both"}})


def old_jsonrpc(request):
    send({"jsonrpc": "1.0", "id": request["id"], "result": result_of("fault")})


def invalid_utf8(request):
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"\xff"}]}}\n' % request["id"])


def no_object(request):
    answer(request, 5)


def result_type(request):
    answer(request, {"resultType": "surprise"})


def deep(request):
    depth = 100_000
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":%s}}\n' % (request["id"], b"[" * depth + b"]" * depth))


def too_large(request):
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % request["id"])
    for _ in range(20):
        write(b"x" * (1 << 20))
    write(b'"}]}}\n')


def too_large_id_last(request):
    write(b'{"jsonrpc":"2.0","result":{"content":[{"id":0,"type":"text","text":"')
    for _ in range(20):
        write(b"x" * (1 << 20))
    write(b'"}]},"id":%d}\n' % request["id"])


def gigabyte(request):
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % request["id"])
    for _ in range(1024):
        write(b"x" * (1 << 20))
    write(b'"}]}}\n')


def exits(request):
    os._exit(3)


def half_then_exits(request):
    write(b'{"jsonrpc":"2.0","id":%d,"res' % request["id"])
    os._exit(0)


def killed(request):
    os.kill(os.getpid(), signal.SIGKILL)


def closes_stdout(request):
    os.close(1)
    time.sleep(600)


def hangs(request):
    pass


def stuck(request):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def grandchild(request):
    child = subprocess.Popen(["sleep", "600"])
    note_pid(child.pid)
    answer(request, result_of("fault"))


def grandchild_holds_stdout(request):
    child = subprocess.Popen(["sleep", "600"])
    note_pid(child.pid)
    os._exit(0)


def ignores_eof(request):
    answer(request, result_of("fault"))


def slow_progress(request):
    token = request["params"].get("_meta", {}).get("progressToken")
    for step in range(30):
        time.sleep(0.2)
        progress = {"progressToken": token, "progress": step + 1}
        send({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})
    answer(request, result_of("fault"))


# What the first request meets, in place of being answered.
def silent_probe(request):
    pass


def exits_on_probe(request):
    os._exit(1)


def odd_probe(request):
    send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": "not initialized"}})


def mute(request):
    pass


def banner(request):
    write(b"usage: server --help\n")
    os._exit(2)


def unsupported(request):
    data = {"supported": ["2099-01-01"], "requested": "2026-07-28"}
    send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32022, "message": "no", "data": data}})


LEGACY_ONLY = {"silent_probe", "exits_on_probe", "odd_probe"}
AT_CONNECT = {"mute", "banner", "unsupported"}


def note_pid(pid):
    if len(sys.argv) > 2:
        with open(sys.argv[2], "a") as file:
            file.write(f"{pid}\n")


def serve(request):
    method, legacy = request.get("method"), FAULT in LEGACY_ONLY
    if "id" not in request:
        return
    if FAULT in AT_CONNECT or (legacy and method == "server/discover"):
        globals()[FAULT](request)
    elif method == "server/discover":
        result = {"resultType": "complete", "supportedVersions": ["2026-07-28", "2025-11-25"]}
        answer(request, {**result, "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"})
    elif method == "initialize":
        info = {"name": "faulty", "version": "0"}
        version = request["params"]["protocolVersion"]
        answer(request, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
    elif method == "tools/list":
        tools = [{"name": "echo", "inputSchema": {"type": "object"}}]
        answer(request, {"resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "private"})
    elif method == "tools/call":
        text = request["params"]["arguments"]["text"]
        if text == "fault" and not legacy:
            globals()[FAULT](request)
        else:
            answer(request, result_of(text))
    else:
        send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "no such method"}})


def main():
    note_pid(os.getpid())
    for line in sys.stdin.buffer:
        if len(sys.argv) > 3:
            with open(sys.argv[3], "ab") as file:
                file.write(line)
        serve(json.loads(line))
    if FAULT == "ignores_eof":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)


main()
