"""The bench programs do what a driver expects of them; how fast is not looked at here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[2] / "tests" / "bench" / "python"


@pytest.mark.parametrize(("protocol", "revision"), [("modern", "2026-07-28"), ("legacy", "2025-11-25")])
def test_every_step_is_run_and_reported(protocol: str, revision: str) -> None:
    specification = {
        "transport": "stdio",
        "command": [sys.executable, str(PROGRAMS / "server.py"), "stdio"],
        "protocol": protocol,
        "steps": [
            {"op": "seq", "n": 5, "warmup": 1},
            {"op": "conc", "n": 20, "inflight": 4},
            {"op": "blob", "n": 2, "warmup": 1, "size": 100_000},
        ],
    }
    run = subprocess.run(
        [sys.executable, str(PROGRAMS / "client.py"), json.dumps(specification)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    report = json.loads([line for line in run.stdout.splitlines() if line.startswith("{")][-1])
    assert report["negotiated"] == revision
    assert [step["op"] for step in report["steps"]] == ["seq", "conc", "blob"]
    assert len(report["steps"][0]["lat_us"]) == 5
