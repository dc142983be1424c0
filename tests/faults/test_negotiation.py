"""Servers of every era, and of none: how a client finds out, how many processes that takes, and that it asks only once."""

import json
import subprocess
import sys

import pytest

from client_cases import FAR_AWAY
from languages import FAULTS
from test_clients import came_to, run_spec

SERVER = [sys.executable, str(FAULTS / "peers" / "era_server.py")]

# What a connection sends, in the order in which it does.
ASK = ["server/discover"]
SHAKE = ["initialize", "notifications/initialized"]

# For each manner: what connecting comes to, and what the first and the second connection of a process send. Whoever has learnt that a server
# is of the handshake era asks no more; whoever has learnt nothing, because the connection failed, asks again.
EVERYWHERE = {
    "modern": ("ok", ASK, ASK),
    "method_not_found": ("ok", ASK + SHAKE, SHAKE),
    "invalid_params": ("ok", ASK + SHAKE, SHAKE),
    "invalid_request": ("ok", ASK + SHAKE, SHAKE),
    "not_initialized": ("ok", ASK + SHAKE, SHAKE),
    "code_zero": ("ok", ASK + SHAKE, SHAKE),
    "another_result": ("ok", ASK + SHAKE, SHAKE),
    "knows_an_older_one": ("ok", ASK + SHAKE, SHAKE),
    "oldest": ("ok", ASK + SHAKE, SHAKE),
    "silent": ("ok", ASK + SHAKE, SHAKE),
    "from_the_future": ("UnsupportedVersion", ASK, ASK),
    "from_the_past": ("UnsupportedVersion", ASK + SHAKE[:1], ASK + SHAKE[:1]),
    "header_mismatch": ("Rpc", ASK, ASK),
    "refuses_all": ("Rpc", ASK + SHAKE[:1], ASK + SHAKE[:1]),
}
STDIO = {
    "noise": ("ok", ASK + SHAKE, SHAKE),
    # The one case in which a server is started twice.
    "exits": ("ok", ASK + ["start"] + SHAKE, SHAKE),
}
HTTP = {
    "exits": ("ok", ASK + SHAKE, SHAKE),
    "status_400": ("ok", ASK + SHAKE, SHAKE),
    "status_400_json": ("ok", ASK + SHAKE, SHAKE),
    "status_404": ("ok", ASK + SHAKE, SHAKE),
    "status_405": ("ok", ASK + SHAKE, SHAKE),
    "status_500": ("ok", ASK + SHAKE, SHAKE),
    "status_202": ("ok", ASK + SHAKE, SHAKE),
    "status_200_html": ("ok", ASK + SHAKE, SHAKE),
    "status_401": ("Unauthorized", ASK, ASK),
}


def patience(manner):
    """How long to wait for the answer to the probe. A server that answers may take its time to start."""
    return {"probeTimeoutMs": 2000 if manner == "silent" else FAR_AWAY}


# Made so that what was sent before it has arrived; no server here has tools.
CALL = {"tool": "any", "arguments": {}, "timeoutMs": FAR_AWAY}


def check(report, expected, log):
    connect, first, second = expected
    assert [came_to(round["connect"]) for round in report["rounds"]] == [connect, connect], report
    assert [line for line in log.read_text().split() if line != "tools/call"] == first + second


@pytest.mark.parametrize("language", ["rust"])
@pytest.mark.parametrize("manner", EVERYWHERE | STDIO)
def test_stdio(language, manner, tmp_path):
    log = tmp_path / "log"
    command = [*SERVER, "stdio", manner, str(log)]
    report = run_spec(language, {"command": command[0], "args": command[1:], "stderr": "null"} | patience(manner), [CALL])
    connect, first, second = (EVERYWHERE | STDIO)[manner]
    check(report, (connect, ["start"] + first, ["start"] + second), log)


@pytest.mark.parametrize("language", ["rust"])
@pytest.mark.parametrize("manner", EVERYWHERE | HTTP)
def test_http(language, manner, tmp_path):
    log = tmp_path / "log"
    with subprocess.Popen([*SERVER, "http", manner, str(log)], stdout=subprocess.PIPE, text=True) as server:
        report = run_spec(language, {"url": server.stdout.readline().strip()} | patience(manner), [CALL])
        server.kill()
    connect, first, second = (EVERYWHERE | HTTP)[manner]
    check(report, (connect, ["start"] + first, second), log)
