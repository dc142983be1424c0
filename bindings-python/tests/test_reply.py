"""What tools return, as answers."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel

from oxmcp import (
    Audio,
    BlobResourceContents,
    EmbeddedResource,
    Image,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
    ToolResult,
)
from oxmcp._core import dumps, loads
from oxmcp.function import Function


class Color(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    when: datetime.date


class Movie(TypedDict):
    title: str


class Model(BaseModel):
    a: int


class Recorder:
    """Takes answers the way the core does."""

    def __init__(self) -> None:
        self.result: dict[str, Any] | None = None

    def respond_text(self, call: int, text: str) -> bool:
        self.result = {"content": [{"type": "text", "text": text}]}
        return True

    def respond_result(self, call: int, result: dict[str, Any], default: Any) -> bool:
        self.result = loads(dumps(result, default))
        return True

    def respond_value(self, call: int, value: Any, wrap: bool, default: Any) -> bool:
        json = dumps(value, default)
        text = value if isinstance(value, str) else json.decode()
        structured = loads(json)
        self.result = {
            "content": [{"type": "text", "text": text}],
            "structuredContent": {"result": structured} if wrap else structured,
        }
        return True


def answer(hint: Any, value: Any, **options: Any) -> dict[str, Any]:
    def tool() -> Any:
        return value

    if hint is not None:
        tool.__annotations__["return"] = hint
    else:
        del tool.__annotations__["return"]
    recorder = Recorder()
    Function(tool, **options).reply.send(recorder, 1, value)  # type: ignore[arg-type]
    assert recorder.result is not None
    return recorder.result


def text(value: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value}]}


@pytest.mark.parametrize(
    ("hint", "value", "result"),
    [
        (str, "hello", text("hello")),
        (None, "hello", text("hello")),
        (None, None, {"content": []}),
        (None, 3, text("3")),
        (None, [1, "a"], text('[1,"a"]')),
        (None, {"a": 1}, {**text('{"a":1}'), "structuredContent": {"a": 1}}),
        (int, 3, {**text("3"), "structuredContent": {"result": 3}}),
        (list[str], ["a"], {**text('["a"]'), "structuredContent": {"result": ["a"]}}),
        (str | None, "a", {**text("a"), "structuredContent": {"result": "a"}}),
        (Color, Color.RED, {**text('"red"'), "structuredContent": {"result": "red"}}),
        (Movie, {"title": "t"}, {**text('{"title":"t"}'), "structuredContent": {"title": "t"}}),
        (
            Point,
            Point(1, datetime.date(2026, 7, 28)),
            {
                **text('{"x":1,"when":"2026-07-28"}'),
                "structuredContent": {"x": 1, "when": "2026-07-28"},
            },
        ),
        (Model, Model(a=1), {**text('{"a":1}'), "structuredContent": {"a": 1}}),
        (list[Model], [Model(a=1)], {**text('[{"a":1}]'), "structuredContent": {"result": [{"a": 1}]}}),
        (
            Image,
            Image(data=b"hi", format="png"),
            {"content": [{"type": "image", "data": "aGk=", "mimeType": "image/png"}]},
        ),
        (
            None,
            Audio(data=b"hi", format="wav"),
            {"content": [{"type": "audio", "data": "aGk=", "mimeType": "audio/wav"}]},
        ),
        (
            list[Any],
            ["see:", ImageContent("aGk=", "image/png")],
            {
                "content": [
                    {"type": "text", "text": "see:"},
                    {"type": "image", "data": "aGk=", "mimeType": "image/png"},
                ]
            },
        ),
        (
            list[TextContent | EmbeddedResource],
            [
                TextContent("a", meta={"k": 1}),
                EmbeddedResource(TextResourceContents("test://a", "b", mime_type="text/plain")),
                EmbeddedResource(BlobResourceContents("test://b", b"hi")),
                ResourceLink("test://c", "c", size=3),
            ],
            {
                "content": [
                    {"type": "text", "text": "a", "_meta": {"k": 1}},
                    {
                        "type": "resource",
                        "resource": {"uri": "test://a", "mimeType": "text/plain", "text": "b"},
                    },
                    {"type": "resource", "resource": {"uri": "test://b", "blob": "aGk="}},
                    {"type": "resource_link", "uri": "test://c", "name": "c", "size": 3},
                ]
            },
        ),
        (
            ToolResult,
            ToolResult("no", structured_content={"at": datetime.date(2026, 1, 2)}, is_error=True, meta={"k": 1}),
            {
                **text("no"),
                "structuredContent": {"at": "2026-01-02"},
                "isError": True,
                "_meta": {"k": 1},
            },
        ),
    ],
    ids=str,
)
def test_a_value_becomes_a_result(hint: Any, value: Any, result: dict[str, Any]) -> None:
    assert answer(hint, value) == result


def test_without_an_output_schema_nothing_is_structured() -> None:
    assert answer(dict[str, int], {"a": 1}, output_schema=None) == text('{"a":1}')


def test_with_a_given_output_schema_values_are_structured() -> None:
    schema = {"type": "object"}
    assert answer(None, {"a": 1}, output_schema=schema)["structuredContent"] == {"a": 1}


@pytest.mark.parametrize("value", [object(), float("nan"), "\ud800", {(1, 2): 3}], ids=str)
def test_a_value_without_a_json_form_raises(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        answer(list[Any], [value, 1], output_schema={})
