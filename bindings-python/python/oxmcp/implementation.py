"""Who a client or a server is."""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Implementation(Record):
    """The name and version of a program that speaks MCP, and what else it tells about itself."""

    __slots__ = ("description", "icons", "name", "title", "version", "website_url")
    _wire = {
        "name": "name",
        "title": "title",
        "version": "version",
        "description": "description",
        "website_url": "websiteUrl",
        "icons": "icons",
    }

    name: str
    title: str | None
    version: str
    description: str | None
    website_url: str | None
    icons: list[dict[str, Any]] | None

    def __init__(
        self,
        name: str,
        version: str,
        *,
        title: str | None = None,
        description: str | None = None,
        website_url: str | None = None,
        icons: list[dict[str, Any]] | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.title = title
        self.description = description
        self.website_url = website_url
        self.icons = icons
        self.extra = None
