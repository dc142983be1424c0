"""What a client connects to."""

from __future__ import annotations

import os
import sys

from .errors import MisuseError
from .server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    Target: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, Any] | Server"

# What runs a server's source file.
_INTERPRETERS = {".py": sys.executable, ".js": "node", ".mjs": "node", ".cjs": "node"}


def configuration(target: Target, options: dict[str, Any]) -> dict[str, Any]:
    """The core's configuration for a target that is not a server of this process. Options that are None are left
    out; the core refuses those it does not know. Raises `MisuseError`."""
    config = {} if isinstance(target, Server) else _target(target)
    config.update((key, value) for key, value in options.items() if value is not None)
    return config


def _target(target: Any) -> dict[str, Any]:
    if isinstance(target, (str, os.PathLike)):
        return _address(os.fspath(target))
    if hasattr(target, "keys"):
        return dict(target)
    if isinstance(target, (list, tuple)) and target and all(isinstance(word, (str, os.PathLike)) for word in target):
        command, *args = (os.fspath(word) for word in target)
        return {"command": command, "args": args}
    raise MisuseError(
        "a client connects to a URL, a command as a list of words, a file ending in .py or .js, "
        f"a configuration dict or a Server, not {target!r}"
    )


def _address(target: str) -> dict[str, Any]:
    if target.startswith(("http://", "https://")):
        return {"url": target}
    interpreter = _INTERPRETERS.get(os.path.splitext(target)[1])
    if interpreter is not None:
        return {"command": interpreter, "args": [target]}
    raise MisuseError(
        f"{target!r} is neither an http:// or https:// URL nor a .py or .js file; "
        "give a command as a list of words"
    )
