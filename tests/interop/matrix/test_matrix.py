"""oxmcp with each peer, in both roles, over each transport, in each era, feature by feature.

A client and a server meet once for all features; each test looks at what the client printed of one of them.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from expected import expected
from peers import CLIENT, HERE, PEERS, PROGRAMS, SERVER, Peer

# How long a meeting may take, in seconds; every feature has a limit of its own.
PATIENCE = 110


def meetings() -> Iterator[tuple[Peer, str, str, str]]:
    for peer in PEERS:
        for role in (SERVER, CLIENT):
            for transport in peer.transports:
                for revision in peer.revisions:
                    yield peer, role, transport, revision


def cases() -> Iterator[Any]:
    for peer, role, transport, revision in meetings():
        name = f"{peer.name}-as-{role}-{transport}-{revision}"
        for feature in ["revision", *peer.features(role, transport)]:
            yield pytest.param(peer, role, transport, revision, feature, id=f"{name}-{feature}")


@pytest.mark.parametrize(("peer", "role", "transport", "revision", "feature"), list(cases()))
def test_feature(peer: Peer, role: str, transport: str, revision: str, feature: str) -> None:
    lines, said = meet(peer.name, role, transport, revision)
    assert feature in lines, f"nothing was printed of it; all that came was:\n{said}"
    saw = revision if feature == "revision" else expected(peer, role, feature)
    assert lines[feature] == {"feature": feature, "saw": saw}, said


@functools.cache
def meet(name: str, role: str, transport: str, revision: str) -> tuple[dict[str, Any], str]:
    """Has the peer and oxmcp meet; gives what the client printed by feature, and all that both said."""
    peer = next(peer for peer in PEERS if peer.name == name)
    programs = {role: [str(PROGRAMS / f"interop-everything-{role}")] for role in (SERVER, CLIENT)}
    programs[role] = peer.command(role)
    with target(programs[SERVER], transport) as server:
        command = [*programs[CLIENT], revision, ",".join(peer.features(role, transport)), *server]
        try:
            done = subprocess.run(
                command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
            )
            out, err = done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            out, err = text(late.stdout), f"{text(late.stderr)}\nthe client did not end"
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {line["feature"]: line for line in lines}, f"{out}\n{err}"


@contextmanager
def target(server: list[str], transport: str) -> Iterator[list[str]]:
    """What to tell a client of a server: its command, or the URL where it listens until the end of the block."""
    if transport == "stdio":
        yield [*server, "stdio"]
        return
    process = subprocess.Popen(
        [*server, transport], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http"), "the server ended before it listened"
        yield [url]
    finally:
        process.kill()
        process.communicate()


def environment() -> dict[str, str]:
    # The peers warn of features that their newest revision gives up; the matrix uses them on purpose.
    return {**os.environ, "PYTHONPATH": str(HERE / "peers"), "PYTHONWARNINGS": "ignore"}


def text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
