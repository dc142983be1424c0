"""Our server under the official client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from conftest import HERE, ours

# How the official client is told to connect, and the revision that both then speak.
MODES = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28", "auto": "2026-07-28"}


@pytest.fixture(params=["stdio", "http"])
def target(request: pytest.FixtureRequest, serve: Callable[[list[str]], str]) -> list[str]:
    if request.param == "stdio":
        return ours("oxmcp_server.py", "stdio")
    return [serve(ours("oxmcp_server.py", "http"))]


@pytest.mark.parametrize("mode", MODES)
def test_the_official_client_calls_our_server(mode: str, target: list[str], official_python: str) -> None:
    program = [official_python, HERE / "official_client.py", mode, *target]
    done = subprocess.run(program, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)

    assert seen["revision"] == MODES[mode]
    # With the revision given beforehand, the official client does not ask who the server is.
    told = (None, None) if mode == "2026-07-28" else ("ours", "Call add.")
    assert (seen["server"], seen["instructions"]) == told
    assert seen["tools"] == ["add", "echo", "weather", "kinds", "fail", "count", "wait", "waits"]

    sum = seen['add {"a": 2, "b": 3}']
    assert sum["content"] == [{"type": "text", "text": "5"}]
    assert sum["structuredContent"] == {"result": 5}
    assert seen['add {"a": "x"}']["isError"] is True
    assert seen['weather {"city": "Bern"}']["structuredContent"] == {"city": "Bern", "degrees": 21}
    assert seen["kinds {}"]["content"] == [
        {"type": "text", "text": "several"},
        {"type": "image", "data": "AQID", "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "test://r", "mimeType": "text/plain", "text": "held"}},
        {"type": "resource_link", "uri": "test://l", "name": "l"},
    ]
    assert seen["fail {}"]["isError"] is True
    assert seen["fail {}"]["content"] == [{"type": "text", "text": "it failed"}]
    assert seen["unknown"] == -32602

    assert seen["progress"] == ["counted", [[1, 3, "step 1"], [2, 3, "step 2"], [3, 3, "step 3"]]]
    assert seen["echoes"] is True
