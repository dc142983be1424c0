"""Checks of what users give as options, with Python's names for them. All raise `MisuseError`."""

from __future__ import annotations

from .errors import MisuseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def text(name: str, value: Any) -> str | None:
    """A `str`, or None."""
    if value is None or isinstance(value, str):
        return value
    raise MisuseError(f"{name} is a str, not {value!r}")


def path(name: str, value: Any) -> str | None:
    """A `str` or path as `str`, or None."""
    if value is None or isinstance(value, str):
        return value
    fspath = getattr(type(value), "__fspath__", None)
    found = None if fspath is None else fspath(value)
    if isinstance(found, str):
        return found
    raise MisuseError(f"{name} is a str or a path, not {value!r}")


def milliseconds(name: str, value: Any) -> int | None:
    """A number of seconds in milliseconds, or None."""
    if value is None:
        return None
    # What numbers of libraries have, and no str or bool.
    if isinstance(value, bool) or not hasattr(value, "__float__") or not 0 <= value < float("inf"):
        raise MisuseError(f"{name} is a number of seconds, zero or more, not {value!r}")
    return round(float(value) * 1000)


def whole(name: str, value: Any, low: int, high: int | None = None) -> int | None:
    """An `int` in a range, or None."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high):
        return int(value)
    span = f"of {low} or more" if high is None else f"from {low} to {high}"
    raise MisuseError(f"{name} is a whole number {span}, not {value!r}")


def texts(name: str, value: Any) -> list[str] | None:
    """Several `str` as a list, or None. A single one is none of them, though it can be iterated too."""
    if value is None:
        return None
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise MisuseError(f"{name} is a list of str, not {value!r}")
    items = list(value)
    for item in items:
        if not isinstance(item, str):
            raise MisuseError(f"{name} is a list of str; {item!r} in it is none")
    return items


def named_texts(name: str, value: Any) -> dict[str, str] | None:
    """A mapping of `str` to `str` as a dict, or None."""
    if value is None:
        return None
    if not hasattr(value, "keys"):
        raise MisuseError(f"{name} is a dict of str to str, not {value!r}")
    items: dict[Any, Any] = dict(value)
    for key, item in items.items():
        if not isinstance(key, str):
            raise MisuseError(f"{name} is a dict of str to str; its key {key!r} is no str")
        if not isinstance(item, str):
            raise MisuseError(f"{name}[{key!r}] is a str, not {item!r}")
    return items


def auth(name: str, value: Any) -> Any:
    """A token, or a plan of `oxmcp.auth`, or None. What is wrong is not repeated: it may be a token."""
    if value is None or isinstance(value, str) or hasattr(value, "_own_config"):
        return value
    raise MisuseError(
        f"{name} is a token as a str, or a Code, ClientCredentials, Enterprise or Workload of oxmcp.auth, "
        f"not a {type(value).__name__}"
    )


def one_of(name: str, value: Any, choices: tuple[str, ...]) -> str | None:
    """One of these words, or None."""
    if value is None or isinstance(value, str) and value in choices:
        return value
    raise MisuseError(f"{name} is {' or '.join(map(repr, choices))}, not {value!r}")
