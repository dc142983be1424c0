"""Type hints become JSON Schema, and JSON arguments become values of the hinted types."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, Union

import pytest

from oxmcp import Context, MisuseError
from oxmcp.form import Mismatch
from oxmcp.function import Function
from oxmcp.hints import Mapper


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Point:
    """Where something is."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)


@dataclass
class Bare:
    value: float


@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)


class Movie(TypedDict):
    title: str
    year: int


class Partial(TypedDict, total=False):
    title: str


class Pair(NamedTuple):
    left: int
    right: str


class Opaque:
    """Neither Python's types nor pydantic know its JSON form."""


UserId = NewType("UserId", int)


def schema_of(hint: Any) -> dict[str, Any]:
    mapper = Mapper()
    schema = mapper.form(hint).schema
    return {**schema, "$defs": mapper.definitions} if mapper.definitions else schema


def read(hint: Any, value: Any) -> Any:
    return Mapper().form(hint).read(value)


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (object, {}),
        (bytes, {"type": "string", "contentEncoding": "base64"}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (dict, {"type": "object"}),
        (dict[str, Any], {"type": "object"}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Color, {"type": "string", "enum": ["red", "blue"]}),
        (Level, {"type": "integer", "enum": [1, 2]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, {"minimum": 1}], {"type": "integer", "minimum": 1}),
        (UserId, {"type": "integer"}),
        (datetime.date, {"type": "string", "format": "date"}),
        (datetime.datetime, {"type": "string", "format": "date-time"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (pathlib.Path, {"type": "string"}),
        (Bare, {"type": "object", "properties": {"value": {"type": "number"}}, "required": ["value"]}),
        (
            Point,
            {
                "type": "object",
                "properties": {
                    "x": {"type": "integer"},
                    "y": {"type": "integer", "default": 0},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["x"],
                "description": "Where something is.",
            },
        ),
        (
            Movie,
            {
                "type": "object",
                "properties": {"title": {"type": "string"}, "year": {"type": "integer"}},
                "required": ["title", "year"],
            },
        ),
        (Partial, {"type": "object", "properties": {"title": {"type": "string"}}}),
    ],
    ids=str,
)
def test_the_schema_of_a_hint(hint: Any, schema: dict[str, Any]) -> None:
    assert schema_of(hint) == schema


@pytest.mark.parametrize(
    ("hint", "json", "value"),
    [
        (int, 1.0, 1),
        (float, 1, 1.0),
        (Color, "red", Color.RED),
        (Level, 2, Level.HIGH),
        (Literal["a", 1], 1, 1),
        (Optional[int], None, None),
        (int | str, "x", "x"),
        (Union[float, int], 1, 1),
        (Union[int, float], 1.5, 1.5),
        (list[Color], ["blue"], [Color.BLUE]),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2], (1, 2)),
        (set[int], [1, 2, 2], {1, 2}),
        (frozenset, ["a"], frozenset({"a"})),
        (dict[str, Color], {"a": "red"}, {"a": Color.RED}),
        (dict[int, str], {"1": "one"}, {1: "one"}),
        (Point, {"x": 1}, Point(1)),
        (Point, {"x": 1, "y": 2, "newer": True}, Point(1, 2)),
        (list[Point], [{"x": 1.0, "tags": ["a"]}], [Point(1, 0, ["a"])]),
        (Point | None, None, None),
        (Bare | Point, {"x": 1}, Point(1)),
        (Movie, {"title": "t", "year": 1.0}, {"title": "t", "year": 1}),
        (Pair, [1, "r"], Pair(1, "r")),
        (bytes, "aGk=", b"hi"),
        (datetime.date, "2026-07-28", datetime.date(2026, 7, 28)),
        (
            datetime.datetime,
            "2026-07-28T12:00:00Z",
            datetime.datetime(2026, 7, 28, 12, tzinfo=datetime.timezone.utc),
        ),
        (uuid.UUID, "12345678123456781234567812345678", uuid.UUID(int=0x12345678123456781234567812345678)),
        (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
        (decimal.Decimal, 1.1, decimal.Decimal("1.1")),
        (pathlib.Path, "/tmp", pathlib.Path("/tmp")),
        (Node, {"name": "a", "children": [{"name": "b"}]}, Node("a", [Node("b")])),
    ],
    ids=str,
)
def test_json_is_read_as_the_hinted_type(hint: Any, json: Any, value: Any) -> None:
    made = read(hint, json)
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("hint", "json", "message"),
    [
        (int, "1", "expected an integer, got '1'"),
        (int, True, "expected an integer, got True"),
        (int, 1.5, "expected an integer, got 1.5"),
        (str, 1, "expected a string, got 1"),
        (Color, "green", "expected one of 'red', 'blue', got 'green'"),
        (Literal[1], True, "expected one of 1, got True"),
        (list[Point], [{"x": 1}, {"x": "a"}], "[1].x: expected an integer, got 'a'"),
        (Point, {}, "the field 'x' is missing"),
        (tuple[int, int], [1], "expected an array of 2, got [1]"),
        (int | None, "a", "expected an integer, got 'a'; or expected null, got 'a'"),
        (datetime.date, "yesterday", "expected a date (RFC 3339), got 'yesterday'"),
        (dict[int, int], {"a": 1}, "expected another kind of key, got 'a'"),
    ],
    ids=str,
)
def test_json_that_does_not_fit_says_where_and_why(hint: Any, json: Any, message: str) -> None:
    with pytest.raises(Mismatch) as raised:
        read(hint, json)
    assert str(raised.value) == message


def test_a_class_that_refers_to_itself_is_a_definition() -> None:
    schema = schema_of(Node)
    assert schema["$ref"] == "#/$defs/Node"
    assert schema["$defs"]["Node"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}


def test_a_type_without_a_json_form_is_refused_at_definition() -> None:
    def bad(value: Opaque) -> str:
        return str(value)

    with pytest.raises(MisuseError, match=r"the parameter 'value' of the tool 'bad': .*Opaque.* has no JSON form"):
        Function(bad)


def test_the_input_schema_of_a_function() -> None:
    def find(query: str, limit: Annotated[int, "at most this many"] = 10, *, exact: bool = False) -> str:
        """Find things.

        Slowly.
        """
        return query * limit if exact else ""

    assert Function(find).definition == {
        "name": "find",
        "description": "Find things.\n\nSlowly.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "limit": {"type": "integer", "description": "at most this many", "default": 10},
                "exact": {"type": "boolean", "default": False},
            },
            "required": ["query"],
            "additionalProperties": False,
        },
    }


def test_definitions_are_at_the_root_of_the_input_schema() -> None:
    def grow(tree: Node) -> str:
        return tree.name

    schema = Function(grow).definition["inputSchema"]
    assert schema["properties"]["tree"] == {"$ref": "#/$defs/Node"}
    assert set(schema["$defs"]) == {"Node"}


def test_a_context_is_no_argument() -> None:
    def with_context(a: int, ctx: Context, other: Optional[Context] = None) -> str:
        return str(a)

    assert list(Function(with_context).definition["inputSchema"]["properties"]) == ["a"]


def test_keyword_parameters_take_anything() -> None:
    def loose(**rest: Any) -> str:
        return str(rest)

    assert Function(loose).definition["inputSchema"] == {"type": "object", "properties": {}}


def test_hints_may_name_local_classes() -> None:
    @dataclass
    class Local:
        a: int

    def tool(value: Local) -> str:
        return str(value)

    function = Function(tool, names={"Local": Local})
    args, kwargs = function.arguments({"value": {"a": 1}}, lambda: pytest.fail("no context wanted"))
    assert (args, kwargs) == ([], {"value": Local(1)})


def test_an_unknown_name_in_a_hint_says_what_to_do() -> None:
    def tool(value: Undefined) -> str:  # type: ignore[name-defined]  # noqa: F821
        return str(value)

    with pytest.raises(MisuseError, match="names 'Undefined', which is not defined where the hint can see it"):
        Function(tool)


def test_arguments_are_converted_and_defaults_stay_python_values() -> None:
    default = Point(9)

    def tool(color: Color, /, size: float, at: Point = default) -> str:
        return ""

    function = Function(tool)
    args, kwargs = function.arguments({"color": "red", "size": 2}, lambda: pytest.fail("no context wanted"))
    assert args == [Color.RED]
    assert kwargs == {"size": 2.0}
    assert isinstance(kwargs["size"], float)


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (int, {"type": "integer"}),
        (list[str], {"type": "array", "items": {"type": "string"}}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Color, {"type": "string", "enum": ["red", "blue"]}),
    ],
    ids=str,
)
def test_other_results_are_wrapped_in_the_output_schema(hint: Any, schema: dict[str, Any]) -> None:
    def tool() -> Any:
        return None

    tool.__annotations__["return"] = hint
    assert Function(tool).definition["outputSchema"] == {
        "type": "object",
        "properties": {"result": schema},
        "required": ["result"],
    }


def test_objects_are_the_output_schema_themselves() -> None:
    def tool() -> Movie:
        return {"title": "t", "year": 1}

    assert Function(tool).definition["outputSchema"] == schema_of(Movie)


def test_a_recursive_output_schema_has_an_object_at_its_root() -> None:
    def tool() -> Node:
        return Node("a")

    schema = Function(tool).definition["outputSchema"]
    assert schema["type"] == "object"
    assert "Node" in schema["$defs"]


@pytest.mark.parametrize("hint", [str, None, Any, object, list, Opaque], ids=str)
def test_text_and_unknown_results_have_no_output_schema(hint: Any) -> None:
    def tool() -> Any:
        return None

    tool.__annotations__["return"] = hint
    assert "outputSchema" not in Function(tool).definition


def test_an_output_schema_can_be_switched_off() -> None:
    def tool() -> int:
        return 1

    assert "outputSchema" not in Function(tool, output_schema=None).definition


def test_a_given_input_schema_is_taken_as_it_is() -> None:
    schema = {"type": "object", "properties": {"value": {"type": "string"}}}

    def tool(value: Opaque, ctx: Context) -> str:
        return str(value)

    function = Function(tool, input_schema=schema)
    assert function.definition["inputSchema"] is schema
    context = Context(None, 1)  # type: ignore[arg-type]
    assert function.arguments({"value": "x"}, lambda: context) == ([], {"value": "x", "ctx": context})


class Greeter:
    def greet(self, name: str) -> str:
        "Say hello."
        return f"hello {name}"

    async def __call__(self, name: str) -> str:
        "Say hello, later."
        return f"hello {name}"


def test_methods_and_callable_objects_are_tools() -> None:
    method = Function(Greeter().greet)
    assert (method.name, method.is_async) == ("greet", False)
    assert list(method.definition["inputSchema"]["properties"]) == ["name"]
    called = Function(Greeter())
    assert (called.name, called.is_async) == ("Greeter", True)
    assert list(called.definition["inputSchema"]["properties"]) == ["name"]


def test_a_decorated_function_keeps_its_signature() -> None:
    import functools

    def tool(a: int) -> str:
        "Original."
        return str(a)

    @functools.wraps(tool)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return tool(*args, **kwargs)

    function = Function(wrapper)
    assert function.definition["description"] == "Original."
    assert function.definition["inputSchema"]["properties"] == {"a": {"type": "integer"}}


def test_what_cannot_be_a_tool_is_refused() -> None:
    def variadic(*args: int) -> str:
        return ""

    def generator() -> Any:
        yield 1

    for bad, message in [
        (variadic, "takes \\*args"),
        (generator, "is a generator"),
        (lambda: 1, "a lambda needs a name"),
        (1, "a tool is a function, not 1"),
    ]:
        with pytest.raises(MisuseError, match=message):
            Function(bad)  # type: ignore[arg-type]
