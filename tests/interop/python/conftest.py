"""The official SDK in an environment of its own, and programs that use it."""

from __future__ import annotations

import hashlib
import pathlib
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
ENVIRONMENT = ROOT / ".build" / "interop-python"


@pytest.fixture(scope="session")
def official_python() -> str:
    """A Python that has the official SDK as `requirements.txt` pins it; installed when it is not there."""
    python = ENVIRONMENT / "bin" / "python"
    requirements = HERE / "requirements.txt"
    stamp = ENVIRONMENT / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
        subprocess.run(pip, check=True)
        stamp.write_text(wanted)
    return str(python)


@pytest.fixture
def serve() -> Iterator[Callable[[list[str]], str]]:
    """Starts a server's command, a port added, and gives its URL once it listens."""
    running: list[subprocess.Popen[bytes]] = []

    def start(command: list[str]) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen([*command, str(port)], stdin=subprocess.DEVNULL)
        running.append(process)
        for _ in range(1000):
            assert process.poll() is None, "the server ended before it listened"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return f"http://127.0.0.1:{port}/mcp"
        pytest.fail("the server did not listen within 20 s")

    yield start
    for process in running:
        process.kill()
        process.wait()


def ours(module: str, *args: str) -> list[str]:
    """The command of a program beside this one that uses oxmcp."""
    return [sys.executable, str(HERE / module), *args]
