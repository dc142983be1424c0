"""The languages that the faults are tried in, and how their programs are started."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAULTS = ROOT / "tests" / "faults"
PYTHON = str(ROOT / ".build" / "python" / "bin" / "python")


def rust(program):
    """A program of `tests/faults/rust`."""
    return str(ROOT / "target" / os.environ.get("FAULTS_PROFILE", "debug") / program)


CLIENTS = {
    "rust": [rust("faults-client")],
    "python": [PYTHON, str(FAULTS / "clients" / "client.py")],
    "node": ["node", str(FAULTS / "clients" / "client.mjs")],
}

# Programs that hold many clients, and leave them in many ways.
HOSTS = {"rust": [rust("faults-host")]}

# The example servers: `count_words {"text"}` and `find_text {"folder", "text"}`; stdio, or HTTP with `--port`.
SERVERS = {
    "rust": [rust("faults-server")],
    "python": [PYTHON, str(FAULTS / "servers" / "server.py")],
    "node": ["node", str(FAULTS / "servers" / "server.mjs")],
}


ALL = CLIENTS | SERVERS


def chosen(programs):
    """Those of the languages that were chosen. A test has a parameter for each language; what was not chosen is deselected."""
    names = os.environ.get("FAULTS_LANGUAGES")
    return [name for name in programs if not names or name in names.split(",")]
