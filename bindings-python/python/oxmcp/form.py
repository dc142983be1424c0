"""What a type looks like as JSON, for the types that need no look inside."""

from __future__ import annotations

from .docstring import dedent
from .jsonable import jsonable_deep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Mismatch(ValueError):
    """A JSON value does not fit a type. `at` leads to it: `["points", 0, "x"]`."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.at: list[str | int] = []

    def under(self, key: str | int) -> Mismatch:
        """The same, seen from the value that holds this one under `key`."""
        self.at.insert(0, key)
        return self

    def __str__(self) -> str:
        path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.at).lstrip(".")
        return f"{path}: {self.message}" if path else self.message


class Form:
    """A type's JSON form: its JSON Schema, and how a JSON value becomes a value of the type.

    `read` raises `Mismatch`. When `as_is`, a JSON value that fits the schema is the Python value already. `exact` is
    the type of the JSON values that need no conversion, where there is one.
    """

    __slots__ = ("as_is", "exact", "read", "schema")

    def __init__(
        self,
        schema: dict[str, Any],
        read: Callable[[Any], Any],
        *,
        as_is: bool = False,
        exact: type | None = None,
    ) -> None:
        self.schema = schema
        self.read = read
        self.as_is = as_is
        self.exact = exact


def wrong(expected: str, value: Any) -> Mismatch:
    """The mismatch of a value that is not what was expected."""
    shown = repr(value)
    return Mismatch(f"expected {expected}, got {shown if len(shown) <= 60 else shown[:57] + '...'}")


def anything(value: Any) -> Any:
    """Reads any JSON value as it is."""
    return value


def read_str(value: Any) -> str:
    """Reads a string."""
    if isinstance(value, str):
        return value
    raise wrong("a string", value)


def read_int(value: Any) -> int:
    """Reads an integer. JSON's 1.0 is one."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise wrong("an integer", value)


def read_float(value: Any) -> float:
    """Reads a number."""
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise wrong("a number", value)


def read_bool(value: Any) -> bool:
    """Reads a boolean."""
    if isinstance(value, bool):
        return value
    raise wrong("a boolean", value)


def read_none(value: Any) -> None:
    """Reads null."""
    if value is not None:
        raise wrong("null", value)


def read_list(value: Any) -> list[Any]:
    """Reads an array of anything."""
    if isinstance(value, list):
        return value
    raise wrong("an array", value)


def read_dict(value: Any) -> dict[str, Any]:
    """Reads an object of anything."""
    if isinstance(value, dict):
        return value
    raise wrong("an object", value)


SCALARS: dict[Any, Form] = {
    str: Form({"type": "string"}, read_str, as_is=True, exact=str),
    int: Form({"type": "integer"}, read_int, exact=int),
    float: Form({"type": "number"}, read_float, exact=float),
    bool: Form({"type": "boolean"}, read_bool, as_is=True, exact=bool),
    None: Form({"type": "null"}, read_none, as_is=True),
    type(None): Form({"type": "null"}, read_none, as_is=True),
    list: Form({"type": "array"}, read_list, as_is=True),
    dict: Form({"type": "object"}, read_dict, as_is=True),
    object: Form({}, anything, as_is=True),
}


def object_schema(
    properties: dict[str, Any], required: list[str], description: str | None = None
) -> dict[str, Any]:
    """The schema of an object."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if description:
        schema["description"] = dedent(description)
    return schema


def with_default(schema: dict[str, Any], default: Any) -> dict[str, Any]:
    """The schema with a default, where the default has a JSON form."""
    try:
        return {**schema, "default": jsonable_deep(default)}
    except (TypeError, ValueError):
        return schema
