"""Each faulty server through each language's client."""

import functools
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from client_cases import FAR_AWAY, HTTP, STDIO, Case
from languages import CLIENTS, FAULTS, chosen
from processes import MAX_GROWTH, await_end

# What the faulty server writes beside its answer; the same as there.
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

# Seconds after which a program is taken to hang.
HANGS = 100


def name_of(case):
    return f"{case.fault}-{case.revision}" if case.revision else case.fault


def run(language, case, target):
    call = {"tool": "echo", "arguments": {"text": "fault"}, "timeoutMs": case.timeout_ms}
    timeout = case.timeout_ms if case.after == "Timeout" else FAR_AWAY
    good = {"tool": "echo", "arguments": {"text": "good"}, "timeoutMs": timeout}
    config = {**target, "connectTimeoutMs": case.connect_timeout_ms}
    if case.revision:
        config["protocolVersion"] = case.revision
    return run_spec(language, config, [call, good])


def run_spec(language, config, calls):
    """What a client that connects and calls so reports."""
    spec = json.dumps({"config": config, "calls": calls})
    done = subprocess.run([*CLIENTS[language], spec], capture_output=True, text=True, timeout=HANGS, errors="replace")
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def came_to(outcome):
    return outcome["kind"] if "kind" in outcome else "error result" if outcome.get("isError") else "ok"


def check(report, case):
    for round in report["rounds"]:
        connect = round["connect"]
        assert came_to(connect) == case.connect, connect
        if case.connect != "ok":
            assert connect["message"], connect
            continue
        faulty, good = round["calls"]
        assert came_to(faulty) == case.call, faulty
        assert came_to(good) == case.after, good
        if case.call == "ok":
            assert faulty["text"] == "fault"
        else:
            assert faulty["message"], faulty
        if case.call == "Rpc":
            assert (faulty["code"], faulty["data"]) == (-32050, {"luck": 0}), faulty
        if good.get("text") is not None:
            assert good["text"] == "good"
    assert report["children"] == [], report
    # The second round may not hold more than the first left.
    assert report["fds"][1] <= report["fds"][0], report


@functools.cache
def stdio_runs(case, folder):
    """The runs of all languages, side by side: most of their time goes by in waiting."""

    def start(language):
        server = [str(FAULTS / "peers" / "stdio_server.py"), case.fault, str(folder / language)]
        return run(language, case, {"command": sys.executable, "args": server, "stderr": "null"})

    with ThreadPoolExecutor() as runs:
        return {language: runs.submit(start, language) for language in chosen(CLIENTS)}


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory):
    return functools.cache(lambda case: tmp_path_factory.mktemp(case.fault))


@pytest.mark.parametrize("language", CLIENTS)
@pytest.mark.parametrize("case", STDIO, ids=name_of)
def test_stdio(language, case, case_folder):
    folder = case_folder(case)
    check(stdio_runs(case, folder)[language].result(), case)
    await_end(int(pid) for pid in (folder / language).read_text().split())


@pytest.mark.parametrize("language", ["rust"])
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_noise_is_heard_and_never_answered(language, revision, tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, str(FAULTS / "peers" / "stdio_server.py"), "noise", os.devnull, str(log)]
    target = {"command": command[0], "args": command[1:], "stderr": "null", "probeTimeoutMs": FAR_AWAY}
    case = Case("noise", revision=revision)
    report = run(language, case, target)
    check(report, case)
    for round in report["rounds"]:
        # Before the answer, and after it.
        assert [bytes(line) for line in round["noise"]] == 2 * NOISE
    greeting = ["server/discover"] if revision == "2026-07-28" else ["initialize", "notifications/initialized"]
    received = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert [message.get("method") for message in received] == 2 * [*greeting, "tools/call", "tools/call"]


def check_growth(report):
    # The first round's peak is the second's beginning.
    assert max(round["growth"] for round in report["rounds"]) <= MAX_GROWTH, report


@pytest.mark.parametrize("language", ["rust"])
def test_a_gigabyte_on_one_line_takes_little_memory(language):
    case = Case("gigabyte", "TooLarge")
    command = [sys.executable, str(FAULTS / "peers" / "stdio_server.py"), case.fault]
    report = run(language, case, {"command": command[0], "args": command[1:]})
    check(report, case)
    check_growth(report)


GIGABYTES = [Case(fault, "TooLarge") for fault in ["gigabyte", "gigabyte_event", "gigabyte_lines"]]


@pytest.mark.parametrize("language", CLIENTS)
def test_a_command_that_is_not_there(language):
    outcome = run_spec(language, {"command": "/nonexistent/server"}, [])["rounds"][0]["connect"]
    assert outcome["kind"] == "Connect" and "/nonexistent/server" in outcome["message"], outcome


@pytest.fixture
def http_fault(request):
    command = [sys.executable, str(FAULTS / "peers" / "http_server.py"), request.param.fault]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield request.param, server.stdout.readline().strip()
        server.kill()


@pytest.mark.parametrize("language", CLIENTS)
@pytest.mark.parametrize("http_fault", HTTP, ids=name_of, indirect=True)
def test_http(language, http_fault):
    case, url = http_fault
    check(run(language, case, {"url": url}), case)


@pytest.mark.parametrize("language", ["rust"])
@pytest.mark.parametrize("http_fault", GIGABYTES, ids=name_of, indirect=True)
def test_a_gigabyte_over_http_takes_little_memory(language, http_fault):
    case, url = http_fault
    report = run(language, case, {"url": url})
    check(report, case)
    check_growth(report)


@pytest.mark.parametrize("language", CLIENTS)
def test_an_address_where_nobody_listens(language):
    # Bound, so that nobody else gets the port, and not listening.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        report = run_spec(language, {"url": f"http://127.0.0.1:{bound.getsockname()[1]}/mcp"}, [])
    outcome = report["rounds"][0]["connect"]
    assert outcome["kind"] == "Connect", outcome


def test_every_language_is_tried():
    """A language left out by the environment is left out aloud, never by a missing program."""
    for language in chosen(CLIENTS):
        program = CLIENTS[language][-1] if len(CLIENTS[language]) > 1 else CLIENTS[language][0]
        assert os.path.exists(program), f"{program} is missing: run `cargo xtask build`"
