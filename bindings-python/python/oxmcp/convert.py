"""A tool's result as a value of a type the caller names."""

from __future__ import annotations

import functools
from typing import Any

from ._core import loads
from .errors import MisuseError, ProtocolError, ToolError
from .form import SCALARS, Form, Mismatch
from .result import ToolResult


def into(result: ToolResult, kind: Any) -> Any:
    """The structured content of a result as a `kind`; `{"result": value}` is unwrapped when `kind` is no object.

    Servers without structured content are understood too: text is the value of a `str`, and JSON text of anything
    else. Raises `ToolError` when the tool failed, `ProtocolError` when the result does not fit, and `MisuseError` when
    `kind` has no JSON form.
    """
    if result.is_error:
        raise ToolError(result.text or "the tool failed without saying why", result=result)
    if kind is ToolResult:
        return result
    form, is_object = _form(kind)
    try:
        return form.read(_value(result, kind, is_object))
    except Mismatch as mismatch:
        name = getattr(kind, "__name__", None) or repr(kind)
        raise ProtocolError(f"the server's result does not fit {name}: {mismatch}") from mismatch


def _value(result: ToolResult, kind: Any, is_object: bool) -> Any:
    structured = result.structured_content
    if structured is None:
        return result.text if kind is str else _parsed(result.text)
    wrapped = not is_object and isinstance(structured, dict) and structured.keys() == {"result"}
    return structured["result"] if wrapped else structured


def _parsed(text: str) -> Any:
    try:
        return loads(text.encode())
    except ValueError as error:
        raise Mismatch("it has no structured content, and its text is not JSON") from error


def _form(kind: Any) -> tuple[Form, bool]:
    try:
        return _known_form(kind)
    except TypeError as error:
        if "unhashable" in str(error):
            return _make_form(kind)
        raise


def _make_form(kind: Any) -> tuple[Form, bool]:
    scalar = SCALARS.get(kind) if isinstance(kind, type) else None
    if scalar is not None:
        return scalar, kind in (dict, object)
    from .hints import Mapper

    mapper = Mapper()
    try:
        form = mapper.form(kind)
    except TypeError as error:
        raise MisuseError(f"into={kind!r}: {error}") from error
    schema = form.schema
    if "$ref" in schema:
        schema = mapper.definitions[schema["$ref"].rpartition("/")[2]]
    return form, schema.get("type") == "object"


_known_form = functools.lru_cache(maxsize=256)(_make_form)
