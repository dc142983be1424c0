"""What a tool call gives."""

from __future__ import annotations

from . import content as _content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .content import Audio, Content, Image


class ToolResult:
    """The result of a tool call: what a client gets, and what a tool may return for full control.

    >>> result = ToolResult("3 files", structured_content={"files": 3})
    >>> result.text
    '3 files'
    >>> result.to_json()
    {'content': [{'type': 'text', 'text': '3 files'}], 'structuredContent': {'files': 3}}
    """

    __slots__ = ("_content", "_json")

    def __init__(
        self,
        content: str | Content | Image | Audio | Iterable[str | Content | Image | Audio] = (),
        *,
        structured_content: dict[str, Any] | None = None,
        is_error: bool = False,
        meta: dict[str, Any] | None = None,
    ) -> None:
        blocks: Any = [content] if isinstance(content, (str, *_content.CONTENT_TYPES)) else content
        json: dict[str, Any] = {"content": [_content.to_json(block) for block in blocks]}
        if structured_content is not None:
            json["structuredContent"] = structured_content
        if is_error:
            json["isError"] = True
        if meta is not None:
            json["_meta"] = meta
        self._json = json
        self._content: list[Content] | None = None

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> ToolResult:
        """The result from its wire form, which it keeps."""
        result = cls.__new__(cls)
        result._json = json
        result._content = None
        return result

    def to_json(self) -> dict[str, Any]:
        """The wire form, with every field the peer sent."""
        return self._json

    @property
    def content(self) -> list[Content]:
        """The blocks, in order."""
        if self._content is None:
            blocks = self._json.get("content")
            self._content = [_content.from_json(block) for block in blocks] if isinstance(blocks, list) else []
        return self._content

    @property
    def text(self) -> str:
        """The text blocks, joined by newlines; the empty string when there are none."""
        blocks = self._json.get("content")
        if not isinstance(blocks, list):
            return ""
        texts = [_text(block) for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
        return texts[0] if len(texts) == 1 else "\n".join(texts)

    @property
    def structured_content(self) -> Any:
        """The structured result, or None."""
        return self._json.get("structuredContent")

    @property
    def is_error(self) -> bool:
        """Whether the tool failed; the content says how."""
        return self._json.get("isError") is True

    @property
    def meta(self) -> dict[str, Any] | None:
        """The result's `_meta`."""
        return self._json.get("_meta")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ToolResult) and other._json == self._json

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = [repr(self.content)]
        if self.structured_content is not None:
            parts.append(f"structured_content={self.structured_content!r}")
        if self.is_error:
            parts.append("is_error=True")
        return f"ToolResult({', '.join(parts)})"


def _text(block: dict[str, Any]) -> str:
    text = block.get("text")
    return text if isinstance(text, str) else ""
