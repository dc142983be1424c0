"""Hints that pydantic knows. Imported only when the program itself has imported pydantic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pydantic

from .form import Form, Mismatch


def form(hint: Any, *, writes: bool) -> tuple[Form, dict[str, Any]]:
    """The form of a hint, and the definitions its schema refers to. Raises `TypeError` when pydantic knows no schema
    for it."""
    adapter = _adapter(hint)
    try:
        schema = adapter.json_schema(
            mode="serialization" if writes else "validation", ref_template="#/$defs/{model}"
        )
    except pydantic.errors.PydanticInvalidForJsonSchema as error:
        raise TypeError(f"{hint!r} has no JSON Schema: {error}") from error
    definitions = schema.pop("$defs", {})

    def read(value: Any) -> Any:
        try:
            return adapter.validate_python(value)
        except pydantic.ValidationError as error:
            raise mismatch(error) from error

    return Form(schema, read), definitions


def writer(hint: Any) -> Callable[[Any], Any]:
    """Makes JSON values of values of the hint."""
    adapter = _adapter(hint)
    return lambda value: adapter.dump_python(value, mode="json", by_alias=True)


def mismatch(error: pydantic.ValidationError) -> Mismatch:
    """What a validation error says, in one line."""
    found = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        at = ".".join(map(str, detail["loc"]))
        found.append(f"{at}: {detail['msg']}" if at else detail["msg"])
    return Mismatch("; ".join(found))


def _adapter(hint: Any) -> pydantic.TypeAdapter[Any]:
    try:
        return pydantic.TypeAdapter(hint)
    except pydantic.errors.PydanticSchemaGenerationError as error:
        raise TypeError(f"{hint!r} has no JSON form: {error.message.splitlines()[0]}") from error
