"""What a client must come to when its server has a fault.

`call` is what the faulty call comes to: "ok", "error result", or the kind of the error. `after` is what a good call after it comes to.
`connect` is the error of a connection that never came to be. Where silence is the fault, a timeout is short and must end the call; everywhere
else it is far away, and what comes first must be the fault.
"""

from dataclasses import dataclass


FAR_AWAY = 20_000


@dataclass(frozen=True)
class Case:
    fault: str
    call: str = "ok"
    after: str | None = "ok"
    connect: str = "ok"
    timeout_ms: int = FAR_AWAY
    connect_timeout_ms: int = FAR_AWAY
    revision: str | None = None


SILENCE = {"timeout_ms": 400}

# Much longer than the peer is ever silent, and shorter than it takes in all.
SLOW = {"timeout_ms": 5000}

STDIO = [
    Case("none"),
    Case("none", revision="2025-11-25"),
    Case("noise"),
    Case("crlf"),
    Case("strays"),
    Case("bytewise"),
    Case("stderr_flood"),
    Case("error", "Rpc"),
    Case("batch", "Protocol"),
    Case("both", "Protocol"),
    Case("old_jsonrpc", "Protocol"),
    Case("no_object", "Protocol"),
    Case("result_type", "Protocol"),
    Case("deep", "Protocol"),
    Case("invalid_utf8", "Protocol"),
    Case("too_large", "TooLarge"),
    Case("too_large_id_last", "TooLarge"),
    Case("exits", "Closed", "Closed"),
    Case("exits", "Closed", "Closed", revision="2025-11-25"),
    Case("half_then_exits", "Closed", "Closed"),
    Case("killed", "Closed", "Closed"),
    Case("closes_stdout", "Closed", "Closed"),
    Case("hangs", "Timeout", **SILENCE),
    Case("hangs", "Timeout", revision="2025-11-25", **SILENCE),
    Case("stuck", "Timeout", "Timeout", **SILENCE),
    Case("slow_progress", **SLOW),
    Case("grandchild"),
    Case("grandchild_holds_stdout", "Closed", "Closed"),
    Case("ignores_eof"),
    Case("silent_probe"),
    Case("exits_on_probe"),
    Case("odd_probe"),
    Case("mute", connect="Timeout", connect_timeout_ms=500),
    Case("banner", connect="Connect"),
    Case("unsupported", connect="UnsupportedVersion"),
]

HTTP = [
    Case("none"),
    Case("none", revision="2025-11-25"),
    Case("events"),
    Case("events_with_noise"),
    Case("html", "Protocol"),
    Case("bad_json", "Protocol"),
    Case("no_response", "Protocol"),
    Case("other_id", "Protocol"),
    Case("status_500", "Overloaded"),
    Case("status_401", "Unauthorized"),
    Case("redirect", "Protocol"),
    Case("rpc_error", "Rpc"),
    Case("events_without_answer", "Closed"),
    Case("cut_short", "Closed"),
    Case("reset", "Closed"),
    Case("too_large", "TooLarge"),
    Case("too_large_event", "TooLarge"),
    Case("hangs", "Timeout", **SILENCE),
    Case("hangs", "Timeout", revision="2025-11-25", **SILENCE),
    Case("hangs_in_events", "Timeout", **SILENCE),
    Case("slow_progress", **SLOW),
    Case("not_mcp", connect="Connect"),
    Case("broken", connect="Overloaded"),
    Case("locked", connect="Unauthorized"),
    Case("mute", connect="Timeout", connect_timeout_ms=500),
]
