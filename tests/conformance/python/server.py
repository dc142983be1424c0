"""The server that the official conformance suite drives. usage: server.py --port N"""

import asyncio
import json
import sys
from typing import Any

from oxmcp import (
    AudioContent,
    Context,
    EmbeddedResource,
    ImageContent,
    Server,
    TextContent,
    TextResourceContents,
    ToolError,
)

# One red pixel, and a sound without samples.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

server = Server("oxmcp-conformance-python", version="0.1.0")


@server.tool
async def test_simple_text() -> str:
    """Answers with text."""
    return "This is a simple text response for testing."


@server.tool
async def test_image_content() -> ImageContent:
    """Answers with an image."""
    return ImageContent(PNG, "image/png")


@server.tool
async def test_audio_content() -> AudioContent:
    """Answers with sound."""
    return AudioContent(WAV, "audio/wav")


@server.tool
async def test_embedded_resource() -> EmbeddedResource:
    """Answers with a resource."""
    text = "This is an embedded resource content."
    return EmbeddedResource(TextResourceContents("test://embedded-resource", text, mime_type="text/plain"))


@server.tool
async def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Answers with three kinds of content."""
    data = json.dumps({"test": "data", "value": 123})
    resource = TextResourceContents("test://mixed-content-resource", data, mime_type="application/json")
    return [
        TextContent("Multiple content types test:"),
        ImageContent(PNG, "image/png"),
        EmbeddedResource(resource),
    ]


@server.tool
async def test_error_handling() -> str:
    """Always fails."""
    raise ToolError("This tool intentionally returns an error for testing")


@server.tool
async def test_tool_with_progress(ctx: Context) -> str:
    """Reports progress."""
    for percent in (0, 50, 100):
        if percent > 0:
            await asyncio.sleep(0.05)
        await ctx.report_progress(percent, 100, f"Completed step {percent} of 100")
    return "done"


def _json_schema_2020_12_tool(**arguments: Any) -> str:
    """Takes what a JSON Schema of the 2020-12 dialect describes."""
    return f"JSON Schema 2020-12 tool called with: {json.dumps(arguments)}"


server.add_tool(
    _json_schema_2020_12_tool,
    name="json_schema_2020_12_tool",
    input_schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
)

if __name__ == "__main__":
    server.run("http", port=int(sys.argv[sys.argv.index("--port") + 1]))
