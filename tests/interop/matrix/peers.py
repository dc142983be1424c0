"""The peers of the matrix, how they are started, and what they lack."""

from __future__ import annotations

import os
import pathlib
from dataclasses import dataclass

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
# Where the programs in Rust are.
PROGRAMS = pathlib.Path(os.environ["INTEROP_PROGRAMS"])

FEATURES = [
    "tools",
    "resources",
    "prompts",
    "completion",
    "sampling",
    "elicitation",
    "roots",
    "logging",
    "progress",
    "cancellation",
    "subscriptions",
]

SERVER, CLIENT = "server", "client"


@dataclass(frozen=True)
class Lack:
    """A feature that a peer does not have in a role; over one transport, or over all."""

    role: str
    feature: str
    why: str
    transport: str | None = None


@dataclass(frozen=True)
class Peer:
    """An SDK of one version, with a `server` and a `client` program in the folder of its name."""

    name: str
    # The revisions to speak with it: the last of each era that it knows.
    revisions: tuple[str, ...]
    transports: tuple[str, ...] = ("stdio", "http")
    lacks: tuple[Lack, ...] = ()

    def features(self, role: str, transport: str) -> list[str]:
        """What it can do."""
        lacking = {it.feature for it in self.lacks if it.role == role and it.transport in (None, transport)}
        return [feature for feature in FEATURES if feature not in lacking]

    def command(self, role: str) -> list[str]:
        """How its program for a role is started, before the arguments."""
        folder = HERE / "peers" / self.name
        if (folder / "package.json").exists():
            return ["node", str(folder / f"{role}.mjs")]
        if (folder / f"{role}.rs").exists():
            return [str(PROGRAMS / f"interop-matrix-{self.name}-{role}")]
        return [str(ROOT / ".build" / "interop" / self.name / "bin" / "python"), str(folder / f"{role}.py")]


# The TypeScript SDKs put off what a notification does (`Protocol._onnotification`), but not what an answer does: progress that is
# read together with the answer comes when nobody listens any more. Over HTTP each message is an event of its own; and
# `cancellation` needs one report on stdio too.
DROPS_LAST_PROGRESS = Lack(CLIENT, "progress", "drops progress that is read together with the answer", "stdio")

# Every combination that is not tried is told here.
PEERS = [
    Peer("mcp-2", ("2025-11-25", "2026-07-28")),
    Peer(
        "fastmcp",
        ("2025-11-25", "2026-07-28"),
        lacks=(
            Lack(
                SERVER,
                "subscriptions",
                "has no handler for them (`MCPOperationsMixin._setup_handlers`), and extensions may not bring one for a method of the "
                "protocol (`MethodBinding.__post_init__`)",
            ),
        ),
    ),
    Peer("typescript-2", ("2025-11-25", "2026-07-28"), lacks=(DROPS_LAST_PROGRESS,)),
    Peer("typescript-1", ("2025-11-25",), lacks=(DROPS_LAST_PROGRESS,)),
    Peer("rmcp", ("2025-11-25", "2026-07-28")),
    Peer("mcp-1", ("2025-11-25",)),
    # 1.2.1, which speaks 2024-11-05 alone.
    Peer(
        "mcp-early",
        ("2024-11-05",),
        transports=("stdio", "sse"),
        lacks=(
            Lack(SERVER, "elicitation", "the revision has none"),
            Lack(SERVER, "cancellation", "takes no notice of cancelled requests, and serves one at a time (`Server.run`)"),
            Lack(CLIENT, "elicitation", "the revision has none"),
            Lack(CLIENT, "cancellation", "has no message for it (`mcp.types`)"),
            Lack(CLIENT, "sampling", "never declares the capability (`ClientSession.initialize`)"),
        ),
    ),
]
