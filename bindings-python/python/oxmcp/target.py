"""What a client connects to."""

from __future__ import annotations

import os
import sys

from . import options
from .errors import ConnectError, MisuseError
from .server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    Target: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, Any] | Server"

# What runs a server's source file.
_INTERPRETERS = {".py": sys.executable, ".js": "node", ".mjs": "node", ".cjs": "node"}

# What belongs to a command, what to a URL, and how each is checked.
_OF_COMMANDS = {
    "command": options.path,
    "args": options.texts,
    "env": options.named_texts,
    "cwd": options.path,
    "stderr": lambda name, value: options.one_of(name, value, ("inherit", "null")),
}
_OF_URLS = {"url": options.text, "headers": options.named_texts, "auth": options.auth}


def configuration(target: Target, given: dict[str, Any]) -> dict[str, Any]:
    """The core's configuration for reaching a target; `given` are `headers`, `auth`, `env`, `cwd` and `stderr`, which
    win over those of a configuration dict. Raises `MisuseError`, also for what the target has no use for."""
    config = {} if isinstance(target, Server) else _target(target, options.path("cwd", given.get("cwd")))
    config.update((name, value) for name, value in given.items() if value is not None)
    checks = _OF_COMMANDS | _OF_URLS
    config = {name: checks[name](name, value) for name, value in config.items() if value is not None}
    if "command" in config and "url" in config:
        raise MisuseError("the configuration has both 'command' and 'url'; a client has one server")
    if "command" in config:
        unused, what = config.keys() & _OF_URLS.keys(), "a command: it is for URLs"
    elif "url" in config:
        unused, what = config.keys() & _OF_COMMANDS.keys(), "a URL: it is for commands"
    elif isinstance(target, Server):
        unused, what = set(config), "a server of this process"
    else:
        raise MisuseError("the configuration needs either 'command' or 'url'")
    if unused:
        raise MisuseError(f"{min(unused)!r} has no meaning for {what}")
    return config


def check_file(target: Target, config: dict[str, Any]) -> None:
    """Raises `ConnectError` when the target is a source file that does not exist."""
    if isinstance(target, (str, os.PathLike)) and "command" in config:
        file, folder = config["args"][0], config.get("cwd") or os.getcwd()
        if not os.path.exists(os.path.join(folder, file)):
            raise ConnectError(f"the server's file {file!r} does not exist in {folder!r}")


def _target(target: Any, cwd: str | None) -> dict[str, Any]:
    if isinstance(target, (str, os.PathLike)):
        return _address(os.fspath(target), cwd)
    if hasattr(target, "keys"):
        return _configured(dict(target))
    if isinstance(target, (list, tuple)) and target and all(isinstance(word, (str, os.PathLike)) for word in target):
        command, *args = (os.fspath(word) for word in target)
        return {"command": command, "args": args}
    raise MisuseError(
        "a client connects to a URL, a command as a list of words, a file ending in .py or .js, "
        f"a configuration dict or a Server, not {target!r}"
    )


def _configured(config: dict[Any, Any]) -> dict[str, Any]:
    if "mcpServers" in config:
        raise MisuseError("a client has one server: give it one of the entries of 'mcpServers'")
    known = [*_OF_COMMANDS, *_OF_URLS]
    for key in config:
        if key not in known:
            raise MisuseError(
                f"the configuration has the key {key!r}, which means nothing; its keys are {', '.join(known)}, and "
                "the other options are keyword arguments of the client"
            )
    return config


def _address(target: str, cwd: str | None) -> dict[str, Any]:
    if target.startswith(("http://", "https://")):
        return {"url": target}
    interpreter = _INTERPRETERS.get(os.path.splitext(target)[1])
    if " " in target and not os.path.exists(os.path.join(cwd or "", target)):
        raise MisuseError(
            f"{target!r} is neither a URL nor a file; a command is a list of words, here {_words(target)!r}"
        )
    if interpreter is not None:
        return {"command": interpreter, "args": [target]}
    raise MisuseError(
        f"{target!r} is neither an http:// or https:// URL nor a .py or .js file; "
        "give a command as a list of words"
    )


def _words(command: str) -> list[str]:
    import shlex

    try:
        return shlex.split(command)
    except ValueError:  # a quote that is not closed
        return command.split()
