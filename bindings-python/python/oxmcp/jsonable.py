"""The JSON form of values that have none of their own."""

from __future__ import annotations

from ._core import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def jsonable(value: Any) -> Any:
    """A value one step closer to JSON; the encoder calls it for every value that it cannot write.

    Dataclasses and pydantic models become objects, enums their values, sets and sequences arrays, mappings objects,
    bytes base64, and dates, times, UUIDs, decimals and paths strings. Raises `TypeError` for other types.

    >>> jsonable({1})
    [1]
    """
    kind = type(value)
    if hasattr(kind, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    if hasattr(kind, "to_json") and kind.__module__.startswith("oxmcp."):
        return value.to_json()
    if hasattr(value, "to_content") and kind.__module__.startswith("oxmcp."):
        return value.to_content()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        import binascii

        return binascii.b2a_base64(value, newline=False).decode("ascii")
    return _from_library(value)


def jsonable_deep(value: Any) -> Any:
    """A value as it would come back from JSON. Raises `TypeError` or `ValueError` when it has no JSON form."""
    return loads(dumps(value, jsonable))


def _from_library(value: Any) -> Any:
    import datetime
    import decimal
    import enum
    import pathlib
    import uuid
    from collections.abc import Mapping, Sequence

    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (decimal.Decimal, uuid.UUID, pathlib.PurePath)):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")
