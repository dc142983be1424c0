"""What a tool returned, as an answer."""

from __future__ import annotations

from . import content
from .jsonable import jsonable
from .result import ToolResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._core import ServerHandle


class Reply:
    """How a tool's return values become answers.

    `structured` says that the tool has an output schema: every value is written as JSON in a text block and as
    `structuredContent`, with `wrap` as `{"result": value}`. Otherwise the value decides: a `str` is text, content
    is content, a dict, dataclass or model is structured, and the rest is JSON text. None means deciding by value,
    False that nothing but a `ToolResult` is ever structured. `write` makes JSON values of values that need more than
    the encoder knows.
    """

    __slots__ = ("_structured", "_wrap", "_write")

    def __init__(
        self,
        *,
        structured: bool | None = None,
        wrap: bool = False,
        write: Callable[[Any], Any] | None = None,
    ) -> None:
        self._structured = structured
        self._wrap = wrap
        self._write = write

    def send(self, server: ServerHandle, call: int, value: Any) -> None:
        """Answers a call. Raises `TypeError` or `ValueError` when the value has no JSON form."""
        if self._structured:
            self._send_structured(server, call, value)
        elif type(value) is str:
            server.respond_text(call, value)
        elif value is None:
            server.respond_result(call, {"content": []}, None)
        elif isinstance(value, ToolResult):
            server.respond_result(call, value.to_json(), jsonable)
        elif isinstance(value, content.CONTENT_TYPES):
            server.respond_result(call, {"content": [content.to_json(value)]}, jsonable)
        elif isinstance(value, (list, tuple)) and any(isinstance(item, content.CONTENT_TYPES) for item in value):
            server.respond_result(call, {"content": [content.to_json(item) for item in value]}, jsonable)
        elif self._structured is None and _is_object(value):
            server.respond_value(call, value, False, jsonable)
        else:
            server.respond_text(call, text_of(value))

    def _send_structured(self, server: ServerHandle, call: int, value: Any) -> None:
        if isinstance(value, ToolResult):
            server.respond_result(call, value.to_json(), jsonable)
            return
        if self._write is not None:
            value = self._write(value)
        server.respond_value(call, value, self._wrap, jsonable)


def text_of(value: Any) -> str:
    """A value as text: a `str` as it is, anything else as JSON."""
    from ._core import dumps

    return value if isinstance(value, str) else dumps(value, jsonable).decode()


def _is_object(value: Any) -> bool:
    """Whether the value is an object in JSON."""
    kind = type(value)
    return isinstance(value, dict) or hasattr(kind, "__dataclass_fields__") or hasattr(kind, "model_dump")
