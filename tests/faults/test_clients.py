"""Each faulty server through each language's client."""

import json
import os
import socket
import subprocess
import sys

import pytest

from client_cases import FAR_AWAY, HTTP, STDIO
from languages import CLIENTS, FAULTS, chosen
from processes import await_end

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
    spec = {"config": config, "calls": [call, good]}
    done = subprocess.run(
        [*CLIENTS[language], json.dumps(spec)], capture_output=True, text=True, timeout=HANGS, errors="replace"
    )
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


@pytest.mark.parametrize("language", chosen(CLIENTS))
@pytest.mark.parametrize("case", STDIO, ids=name_of)
def test_stdio(language, case, tmp_path):
    pids = tmp_path / "pids"
    command = [sys.executable, str(FAULTS / "peers" / "stdio_server.py"), case.fault, str(pids)]
    check(run(language, case, {"command": command[0], "args": command[1:], "stderr": "null"}), case)
    await_end(int(pid) for pid in pids.read_text().split())


@pytest.mark.parametrize("language", chosen(CLIENTS))
def test_a_command_that_is_not_there(language):
    spec = {"config": {"command": "/nonexistent/server"}, "calls": []}
    report = subprocess.run([*CLIENTS[language], json.dumps(spec)], capture_output=True, text=True, timeout=HANGS)
    outcome = json.loads(report.stdout.strip().splitlines()[-1])["rounds"][0]["connect"]
    assert outcome["kind"] == "Connect" and "/nonexistent/server" in outcome["message"], outcome


@pytest.fixture
def http_fault(request):
    command = [sys.executable, str(FAULTS / "peers" / "http_server.py"), request.param.fault]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield request.param, server.stdout.readline().strip()
        server.kill()


@pytest.mark.parametrize("language", chosen(CLIENTS))
@pytest.mark.parametrize("http_fault", HTTP, ids=name_of, indirect=True)
def test_http(language, http_fault):
    case, url = http_fault
    check(run(language, case, {"url": url}), case)


@pytest.mark.parametrize("language", chosen(CLIENTS))
def test_an_address_where_nobody_listens(language):
    # Bound, so that nobody else gets the port, and not listening.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        spec = {"config": {"url": f"http://127.0.0.1:{bound.getsockname()[1]}/mcp"}, "calls": []}
        report = subprocess.run([*CLIENTS[language], json.dumps(spec)], capture_output=True, text=True, timeout=HANGS)
    outcome = json.loads(report.stdout.strip().splitlines()[-1])["rounds"][0]["connect"]
    assert outcome["kind"] == "Connect", outcome


def test_every_language_is_tried():
    """A language left out by the environment is left out aloud, never by a missing program."""
    for language in chosen(CLIENTS):
        program = CLIENTS[language][-1] if len(CLIENTS[language]) > 1 else CLIENTS[language][0]
        assert os.path.exists(program), f"{program} is missing: run `cargo xtask build`"
