"""Content, tools, results and errors as Python values."""

from __future__ import annotations

import builtins
import doctest
import importlib
import pickle
import pkgutil
import subprocess
import sys
from typing import Any

import pytest

import oxmcp
from oxmcp import EmbeddedResource, ImageContent, RpcError, TextContent, Tool, ToolAnnotations, ToolResult
from oxmcp.content import from_json
from oxmcp.errors import _KINDS, from_core

BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "a", "annotations": {"audience": ["user"]}, "_meta": {"k": 1}},
    {"type": "image", "data": "aGk=", "mimeType": "image/png"},
    {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
    {"type": "resource", "resource": {"uri": "a://b", "text": "t", "future": 1}},
    {"type": "resource", "resource": {"uri": "a://b", "blob": "aGk=", "mimeType": "x/y"}},
    {"type": "resource_link", "uri": "a://b", "name": "n", "title": "t", "size": 1},
    {"type": "text", "text": "a", "from-the-future": [1]},
    {"type": "hologram", "depth": 3},
]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_content_survives_a_round_trip(block: dict[str, Any]) -> None:
    assert from_json(block).to_json() == block
    assert from_json(block) == from_json(dict(block))


def test_attributes_have_pythons_names() -> None:
    image = from_json(BLOCKS[1])
    assert isinstance(image, ImageContent)
    assert (image.type, image.mime_type, image.to_bytes()) == ("image", "image/png", b"hi")
    resource = from_json(BLOCKS[4])
    assert isinstance(resource, EmbeddedResource)
    assert resource.resource.mime_type == "x/y"


@pytest.mark.parametrize(
    "value", [TextContent("a"), ToolAnnotations(), ToolResult("a"), oxmcp.Image(b"")], ids=repr
)
def test_an_unknown_attribute_raises(value: Any) -> None:
    with pytest.raises(AttributeError):
        value.isError
    with pytest.raises(AttributeError):
        value.mimeType = "image/png"


def test_a_result_reads_what_the_peer_sent() -> None:
    result = ToolResult.from_json(
        {
            "content": [{"type": "text", "text": "a"}, BLOCKS[1], {"type": "text", "text": "b"}],
            "structuredContent": {"n": 1},
            "isError": True,
            "_meta": {"m": 1},
        }
    )
    assert result.text == "a\nb"
    assert [block.type for block in result.content] == ["text", "image", "text"]
    assert result.structured_content == {"n": 1}
    assert result.is_error
    assert result.meta == {"m": 1}
    assert ToolResult.from_json({}).text == ""
    assert not ToolResult.from_json({}).is_error


@pytest.mark.parametrize("content", [None, "text", [1, None, {"type": 3}, {"type": "text"}]])
def test_a_result_of_a_careless_peer_does_not_raise(content: Any) -> None:
    result = ToolResult.from_json({"content": content})
    assert result.text == ""
    assert isinstance(result.content, list)
    assert repr(result)


def test_a_tool_reads_what_the_server_sent() -> None:
    json = {
        "name": "t",
        "title": "T",
        "description": "d",
        "inputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": True, "future": 1},
        "execution": {"taskSupport": "forbidden"},
    }
    tool = Tool.from_json(json)
    assert tool.name == "t"
    assert tool.input_schema == {"type": "object"}
    assert tool.output_schema is None
    assert tool.annotations is not None
    assert tool.annotations.read_only_hint is True
    assert tool.to_json() == json


def test_every_kind_of_error_has_a_class() -> None:
    kinds = (
        "Misuse Connect Closed Timeout Cancelled Rpc Protocol TooLarge UnsupportedVersion Unsupported "
        "Unauthorized Overloaded Internal"
    ).split()
    assert sorted(_KINDS) == sorted(kinds)
    for kind in kinds:
        error = from_core({"kind": kind, "message": "m"})
        assert type(error) is getattr(oxmcp, f"{kind}Error")
        assert (error.kind, error.message, str(error), error.code, error.data) == (kind, "m", "m", None, None)
        assert isinstance(error, oxmcp.McpError)
        assert type(error).__module__ == "oxmcp"


def test_a_timeout_is_pythons_timeout_too() -> None:
    with pytest.raises(builtins.TimeoutError):
        raise oxmcp.TimeoutError("late")


def test_a_star_import_leaves_the_builtin_timeout_error() -> None:
    names: dict[str, object] = {}
    exec("from oxmcp import *", names)
    assert names["Client"] is oxmcp.Client
    assert "TimeoutError" not in names
    assert "TimeoutError" in dir(oxmcp)


def test_an_rpc_error_carries_code_and_data_and_can_be_pickled() -> None:
    error = from_core({"kind": "Rpc", "message": "m", "code": -32602, "data": {"a": 1}})
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, RpcError)
    assert (copy.message, copy.code, copy.data) == ("m", -32602, {"a": 1})


def test_every_public_name_is_there() -> None:
    for name in oxmcp.__all__:
        assert getattr(oxmcp, name) is not None
    with pytest.raises(AttributeError):
        oxmcp.Klient


def test_importing_a_server_loads_little() -> None:
    program = (
        "import sys; from oxmcp import Server, Context\n"
        "s = Server('s')\n"
        "def f(a: int, ctx: Context, b: str = 'x') -> str: 'd'\n"
        "s.tool(f)\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-S", "-I", "-c", _with_path(program)], capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    modules = set(loaded.stdout.split())
    heavy = {"asyncio", "inspect", "typing", "dataclasses", "json", "re", "logging", "pydantic", "threading"}
    assert not heavy & modules


def _with_path(program: str) -> str:
    import pathlib

    root = str(pathlib.Path(oxmcp.__file__).parent.parent)
    return f"import sys; sys.path.insert(0, {root!r})\n{program}"


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(oxmcp.__path__)])
def test_examples_in_docstrings_hold(name: str) -> None:
    if name == "_core":
        return
    module = importlib.import_module(f"oxmcp.{name}")
    assert doctest.testmod(module).failed == 0
