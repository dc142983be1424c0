"""What a client sees of each feature."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from peers import SERVER, Peer


def expected(peer: Peer, role: str, feature: str) -> Any:
    """What is the same whoever is the client and whoever serves, but for what the peer or its revision does not have."""
    saw = deepcopy(EXPECTED[feature])
    if feature == "tools" and role == SERVER:
        # It has no tools for the features that it lacks.
        lacking = {tool for it in peer.lacks if it.role == SERVER for tool in TOOLS_FOR[it.feature]}
        saw["names"] = [name for name in saw["names"] if name not in lacking]
    if feature == "progress" and peer.revisions == ("2024-11-05",):
        # Reports have messages since 2025-03-26.
        saw["reports"] = [[progress, total, None] if role == SERVER else [progress, total] for progress, total, _ in saw["reports"]]
    if feature == "logging" and role == SERVER and peer.name == "fastmcp":
        # What is logged is sent with what Python's own `logging` would have beside it.
        saw = [[level, logger, {"msg": data, "extra": None}] for level, logger, data in saw]
    return saw


# The tools that are there for one feature.
TOOLS_FOR = {
    "elicitation": ["ask_user"],
    "cancellation": ["wait", "waits"],
    "subscriptions": ["touch"],
}

EXPECTED = {
    "tools": {
        "names": [
            "add", "ask_model", "ask_user", "count", "fail", "log", "show_roots", "touch", "wait", "waits",
        ],
        "sum": "5",
        "failed": True,
    },
    "resources": {
        "uris": ["test://blob", "test://note"],
        "templates": ["test://item/{id}"],
        "note": ["a note"],
        "blob": ["AQID"],
        "item": ["item 7"],
    },
    "prompts": {"names": ["greet"], "messages": ["Hello, Ada!"]},
    "completion": {"names": ["Ada", "Alan"], "ids": ["1", "10"]},
    "sampling": "the model said: Echo: Say something.",
    "elicitation": ["accept Ada", "decline"],
    "roots": "file:///work/a file:///work/b",
    "logging": [["debug", "tale", "once"], ["error", "tale", "the end"]],
    "progress": {"text": "counted", "reports": [[1, 3, "step 1"], [2, 3, "step 2"], [3, 3, "step 3"]]},
    "cancellation": "1 begun, 1 cancelled",
    "subscriptions": "test://note",
}
