"""The guide's examples run as they are written, and so do the example programs."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import pathlib
import re
import socket
import subprocess
import sys
import types
from typing import Any

import pytest
from grantor import Grantor

from oxmcp import Client, ConnectError

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "python"


def test_the_guides_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "python.md").read_text(), re.M | re.S)
    assert len(blocks) > 8
    module = types.ModuleType("guide")
    sys.modules["guide"] = module

    async def run(block: str) -> None:
        code = compile(block, "docs/python.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        # Synchronous code gets a thread: the loop serves what it calls.
        outcome = await asyncio.to_thread(eval, code, vars(module))
        if inspect.isawaitable(outcome):
            await outcome

    async def body() -> None:
        await run(blocks[0])
        async with vars(module)["server"].listen() as address:
            for block in blocks[1:]:
                if "server.listen()" not in block:
                    await run(block.replace("http://127.0.0.1:8000/mcp", address.url))
            await every_tool(vars(module)["server"])
        await run(next(block for block in blocks if "server.listen()" in block))

    try:
        asyncio.run(asyncio.wait_for(body(), 100))
    finally:
        del sys.modules["guide"]
    assert "too slow" in capsys.readouterr().out


def test_the_examples_of_authorization_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "authorization.md").read_text(), re.M | re.S)
    assert len(blocks) == 5
    # The user's browser: it goes where it is sent, and agrees.
    browser = tmp_path / "xdg-open"
    browser.write_text(f"#!{sys.executable}\n{BROWSER}")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)

    class Window:
        async def visit(self, url: str) -> str:
            return grantor.approve(url)

    async def body() -> None:
        names: dict[str, Any] = {"window": Window()}
        async with grantor.guarded() as url:
            for block in blocks:
                block = block.replace("https://idp.example.com", grantor.issuer)
                if "Server(" not in block:
                    block = block.replace("https://mcp.example.com/mcp", url)
                    block = block.replace("https://auth.example.com", grantor.issuer)
                await run(block, names)

    async def run(block: str, names: dict[str, Any]) -> None:
        while True:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            code = compile(
                block.replace("8123", str(port)), "docs/authorization.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            )
            try:
                outcome = eval(code, names)
                if inspect.isawaitable(outcome):
                    await outcome
                return
            except ConnectError:
                # The port was somebody's by then.
                assert str(port) not in block and "8123" in block

    with Grantor() as grantor:
        asyncio.run(asyncio.wait_for(body(), 100))
    assert (tmp_path / "tokens.json").exists()
    assert capsys.readouterr().out.startswith("ann []\nann ['files:write']\n")


BROWSER = """
import sys, urllib.parse, urllib.request

asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sys.argv[1]).query))
answer = {"state": asked["state"], "code": "code for " + asked.get("scope", "")}
urllib.request.urlopen(asked["redirect_uri"] + "?" + urllib.parse.urlencode(answer)).close()
"""


async def every_tool(server: Any) -> None:
    """Calls what the guide defines and does not call itself."""
    async with Client(server) as client:
        drawn = await client.call_tool("draw", {"points": [{"x": 1}], "color": "blue", "width": 2})
        assert drawn.text == "1 points, BLUE, solid, 2 wide"
        assert (await client.call_tool("draw", {"points": [], "width": 0})).is_error
        assert (await client.call_tool("chart")).content[0].type == "image"
        assert (await client.call_tool("search", {"folders": ["a"]})).text == "done"


def example(*args: str) -> subprocess.CompletedProcess[str]:
    client = [sys.executable, str(EXAMPLES / "client.py"), *args]
    return subprocess.run(client, capture_output=True, text=True, timeout=100)


def test_the_example_client_calls_the_example_server(tmp_path: pathlib.Path) -> None:
    server = [sys.executable, str(EXAMPLES / "server.py")]
    for text, counts in [
        ("", '{"lines":0,"words":0,"characters":0}'),
        (r"one\ntwo three\n", '{"lines":2,"words":3,"characters":14}'),
        ("\U0001f600", '{"lines":1,"words":1,"characters":1}'),
    ]:
        counted = example("count_words", f'{{"text": "{text}"}}', *server)
        assert counted.stdout.splitlines()[-1] == counts, counted.stderr

    (tmp_path / "b.md").write_text("nothing\n")
    (tmp_path / "a.md").write_text("x\nwhat was looked for\n")
    found = example("find_text", f'{{"folder": "{tmp_path}", "text": "looked"}}', *server)
    assert found.stdout.splitlines() == [
        "server: text-facts 0.1.0, revision 2026-07-28",
        "tools: count_words, find_text",
        "progress: 1/2 a.md",
        "progress: 2/2 b.md",
        "a.md:2: what was looked for",
    ]
    assert found.returncode == 0

    failed = example("find_text", '{"folder": "/nowhere", "text": "x"}', *server)
    assert failed.returncode == 1
    assert failed.stderr == "find_text failed: cannot read the folder /nowhere: No such file or directory\n"
    missing = example("count_words", "{}", "/nowhere/at/all")
    assert missing.returncode == 1
    assert missing.stderr.startswith("ConnectError: ")
