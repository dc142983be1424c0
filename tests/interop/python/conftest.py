"""The official SDK in an environment of its own, and programs that use it."""

from __future__ import annotations

import hashlib
import pathlib
import subprocess
import sys
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
    """Starts a server's command and gives the URL that it prints when it listens."""
    running: list[subprocess.Popen[str]] = []

    def start(command: list[str]) -> str:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the server ended before it listened"
        return url

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def ours(module: str, *args: str) -> list[str]:
    """The command of a program beside this one that uses oxmcp."""
    return [sys.executable, str(HERE / module), *args]
