"""A tool as its server describes it."""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ToolAnnotations(Record):
    """Hints about a tool's behaviour. They are what the server says, not what it does.

    >>> ToolAnnotations(read_only_hint=True).to_json()
    {'readOnlyHint': True}
    """

    __slots__ = ("destructive_hint", "idempotent_hint", "open_world_hint", "read_only_hint", "title")
    _wire = {
        "title": "title",
        "read_only_hint": "readOnlyHint",
        "destructive_hint": "destructiveHint",
        "idempotent_hint": "idempotentHint",
        "open_world_hint": "openWorldHint",
    }

    def __init__(
        self,
        *,
        title: str | None = None,
        read_only_hint: bool | None = None,
        destructive_hint: bool | None = None,
        idempotent_hint: bool | None = None,
        open_world_hint: bool | None = None,
    ) -> None:
        self.title = title
        self.read_only_hint = read_only_hint
        self.destructive_hint = destructive_hint
        self.idempotent_hint = idempotent_hint
        self.open_world_hint = open_world_hint
        self.extra = None


class Tool(Record):
    """A tool of a server: its name, what it is for, and the JSON Schemas of its arguments and of its result."""

    __slots__ = (
        "annotations",
        "description",
        "icons",
        "input_schema",
        "meta",
        "name",
        "output_schema",
        "title",
    )
    _wire = {
        "name": "name",
        "title": "title",
        "description": "description",
        "input_schema": "inputSchema",
        "output_schema": "outputSchema",
        "annotations": "annotations",
        "icons": "icons",
        "meta": "_meta",
    }

    name: str
    title: str | None
    description: str | None
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    annotations: ToolAnnotations | None
    icons: list[dict[str, Any]] | None
    meta: dict[str, Any] | None

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> Tool:
        """The tool from its wire form."""
        tool: Tool = super().from_json(json)
        if isinstance(tool.annotations, dict):
            tool.annotations = ToolAnnotations.from_json(tool.annotations)
        return tool
