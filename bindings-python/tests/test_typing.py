"""The package and its stub satisfy strict type checking."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import oxmcp

PROJECT = pathlib.Path(__file__).parents[1]


def test_the_package_and_a_program_that_uses_it_check_strictly() -> None:
    done = run("mypy")
    assert done.returncode == 0, done.stdout


def test_the_stub_describes_the_native_module() -> None:
    done = run("mypy.stubtest", "oxmcp._core")
    assert done.returncode == 0, done.stdout


def run(module: str, *args: str) -> subprocess.CompletedProcess[str]:
    assert oxmcp.__file__ is not None
    return subprocess.run([sys.executable, "-m", module, *args], capture_output=True, text=True, cwd=PROJECT)
