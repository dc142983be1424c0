"""What a tool's result consists of: text, images, audio, resources and links to resources."""

from __future__ import annotations

import binascii

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class Block(Record):
    """One block of a result's content. `type` says which; `annotations` and `meta` are the specification's."""

    __slots__ = ("annotations", "meta")

    type: ClassVar[str]

    annotations: dict[str, Any] | None
    meta: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, **super().to_json()}

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> Any:
        return super().from_json({name: value for name, value in json.items() if name != "type"})


class TextContent(Block):
    """Text.

    >>> TextContent("hello")
    TextContent(text='hello')
    """

    __slots__ = ("text",)
    _wire = {"text": "text", "annotations": "annotations", "meta": "_meta"}
    type = "text"

    def __init__(
        self, text: str, *, annotations: dict[str, Any] | None = None, meta: dict[str, Any] | None = None
    ) -> None:
        self.text = text
        self.annotations = annotations
        self.meta = meta
        self.extra = None


class _Media(Block):
    __slots__ = ("data", "mime_type")
    _wire = {"data": "data", "mime_type": "mimeType", "annotations": "annotations", "meta": "_meta"}

    def __init__(
        self,
        data: str,
        mime_type: str,
        *,
        annotations: dict[str, Any] | None = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        self.data = data
        self.mime_type = mime_type
        self.annotations = annotations
        self.meta = meta
        self.extra = None

    def to_bytes(self) -> bytes:
        """The decoded `data`. Raises `ValueError` when it is not base64."""
        return binascii.a2b_base64(self.data)


class ImageContent(_Media):
    """An image; `data` is base64. To make one from bytes, use `Image`."""

    __slots__ = ()
    type = "image"


class AudioContent(_Media):
    """Audio; `data` is base64. To make one from bytes, use `Audio`."""

    __slots__ = ()
    type = "audio"


class TextResourceContents(Record):
    """A resource that is text."""

    __slots__ = ("meta", "mime_type", "text", "uri")
    _wire = {"uri": "uri", "mime_type": "mimeType", "text": "text", "meta": "_meta"}

    def __init__(
        self, uri: str, text: str, *, mime_type: str | None = None, meta: dict[str, Any] | None = None
    ) -> None:
        self.uri = uri
        self.text = text
        self.mime_type = mime_type
        self.meta = meta
        self.extra = None


class BlobResourceContents(Record):
    """A resource that is bytes; `blob` is base64."""

    __slots__ = ("blob", "meta", "mime_type", "uri")
    _wire = {"uri": "uri", "mime_type": "mimeType", "blob": "blob", "meta": "_meta"}

    def __init__(
        self,
        uri: str,
        blob: str | bytes,
        *,
        mime_type: str | None = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        self.uri = uri
        self.blob = blob if isinstance(blob, str) else _base64(blob)
        self.mime_type = mime_type
        self.meta = meta
        self.extra = None

    def to_bytes(self) -> bytes:
        """The decoded `blob`. Raises `ValueError` when it is not base64."""
        return binascii.a2b_base64(self.blob)


class EmbeddedResource(Block):
    """A resource inside a result."""

    __slots__ = ("resource",)
    _wire = {"resource": "resource", "annotations": "annotations", "meta": "_meta"}
    type = "resource"

    resource: TextResourceContents | BlobResourceContents

    def __init__(
        self,
        resource: TextResourceContents | BlobResourceContents,
        *,
        annotations: dict[str, Any] | None = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        self.resource = resource
        self.annotations = annotations
        self.meta = meta
        self.extra = None

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> EmbeddedResource:
        block: EmbeddedResource = super().from_json(json)
        resource = json.get("resource")
        if isinstance(resource, dict):
            contents = BlobResourceContents if "blob" in resource else TextResourceContents
            block.resource = contents.from_json(resource)
        return block


class ResourceLink(Block):
    """A resource that the client may read."""

    __slots__ = ("description", "icons", "mime_type", "name", "size", "title", "uri")
    _wire = {
        "uri": "uri",
        "name": "name",
        "title": "title",
        "description": "description",
        "mime_type": "mimeType",
        "size": "size",
        "icons": "icons",
        "annotations": "annotations",
        "meta": "_meta",
    }
    type = "resource_link"

    def __init__(
        self,
        uri: str,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        mime_type: str | None = None,
        size: int | None = None,
        icons: list[dict[str, Any]] | None = None,
        annotations: dict[str, Any] | None = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        self.uri = uri
        self.name = name
        self.title = title
        self.description = description
        self.mime_type = mime_type
        self.size = size
        self.icons = icons
        self.annotations = annotations
        self.meta = meta
        self.extra = None


class UnknownContent:
    """A block of a kind that this version does not know; `json` is what the peer sent."""

    __slots__ = ("json",)

    def __init__(self, json: dict[str, Any]) -> None:
        self.json = json

    @property
    def type(self) -> str:
        """The kind that the peer named, or the empty string."""
        kind = self.json.get("type")
        return kind if isinstance(kind, str) else ""

    def to_json(self) -> dict[str, Any]:
        """What the peer sent."""
        return self.json

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownContent) and other.json == self.json

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"UnknownContent({self.json!r})"


class Image:
    """An image as bytes, for a tool to return.

    `format` is the subtype of its MIME type: "png", "jpeg", "svg+xml".

    >>> Image(data=b"...", format="png").to_content()
    ImageContent(data='Li4u', mime_type='image/png')
    """

    __slots__ = ("annotations", "data", "format")

    def __init__(self, data: bytes, format: str = "png", *, annotations: dict[str, Any] | None = None) -> None:
        self.data = data
        self.format = format
        self.annotations = annotations

    def to_content(self) -> ImageContent:
        """The block it becomes."""
        return ImageContent(_base64(self.data), _mime("image", self.format), annotations=self.annotations)


class Audio:
    """Audio as bytes, for a tool to return.

    `format` is the subtype of its MIME type: "wav", "mpeg", "ogg".

    >>> Audio(data=b"...", format="wav").to_content()
    AudioContent(data='Li4u', mime_type='audio/wav')
    """

    __slots__ = ("annotations", "data", "format")

    def __init__(self, data: bytes, format: str = "wav", *, annotations: dict[str, Any] | None = None) -> None:
        self.data = data
        self.format = format
        self.annotations = annotations

    def to_content(self) -> AudioContent:
        """The block it becomes."""
        return AudioContent(_base64(self.data), _mime("audio", self.format), annotations=self.annotations)


Content = TextContent | ImageContent | AudioContent | EmbeddedResource | ResourceLink | UnknownContent

# What a tool may return as content, and a hint may name.
CONTENT_TYPES = (Block, UnknownContent, Image, Audio)

_BLOCKS: dict[str, type[Block]] = {
    block.type: block for block in (TextContent, ImageContent, AudioContent, EmbeddedResource, ResourceLink)
}


def from_json(json: Any) -> Content:
    """A block from its wire form; never raises, whatever the peer sent."""
    if not isinstance(json, dict):
        return UnknownContent({"value": json})
    kind = json.get("type")
    block = _BLOCKS.get(kind) if isinstance(kind, str) else None
    if block is None:
        return UnknownContent(json)
    made: Content = block.from_json(json)
    return made


def to_json(content: Any) -> dict[str, Any]:
    """The wire form of a block, of an `Image` or `Audio`, or of a `str` (one text block).

    Raises `TypeError` for anything else.
    """
    if isinstance(content, str):
        return {"type": "text", "text": content}
    if isinstance(content, (Image, Audio)):
        content = content.to_content()
    if isinstance(content, (Block, UnknownContent)):
        return content.to_json()
    raise TypeError(f"a value of type {type(content).__name__} is not content")


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _mime(kind: str, format: str) -> str:
    return format if "/" in format else f"{kind}/{format}"
