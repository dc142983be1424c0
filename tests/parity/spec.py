"""What the official types say of the protocol: its methods, its types and their members, with values to try, as JSON.

The package `mcp-types` has a table of methods for all five revisions, and two sets of types that were generated from the schemas
of the specification: one for 2025-11-25, which holds all that the revisions before it have, and one for 2026-07-28.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from types import ModuleType
from typing import Any, get_args

from mcp_types import _v2025_11_25, _v2026_07_28, methods
from pydantic import BaseModel, TypeAdapter

Schema = dict[str, Any]

MODULES = {"2025-11-25": _v2025_11_25, "2026-07-28": _v2026_07_28}

# Where a module lists the messages of a side; an answer of 2026-07-28 holds requests without an id.
UNIONS = {
    ("client", "request"): ("ClientRequest", "CLIENT_REQUESTS"),
    ("client", "notification"): ("ClientNotification", "CLIENT_NOTIFICATIONS"),
    ("server", "request"): ("ServerRequest", "SERVER_REQUESTS"),
    ("server", "notification"): ("ServerNotification", "SERVER_NOTIFICATIONS"),
    ("server", "input"): ("InputRequest", None),
}

# Values for strings whose form is checked.
STRINGS = {"uri": "https://example.com/a", "uri-template": "a:{b}", "byte": "aGk=", "date-time": "2026-07-28T00:00:00Z"}

# How deep values are made in every way that their schema allows; further down one way is enough.
DEPTH = 3


def models(module: ModuleType) -> dict[str, type[BaseModel]]:
    """The classes that a module defines, by their names."""
    classes = {name: item for name, item in vars(module).items() if inspect.isclass(item)}
    return {name: item for name, item in classes.items() if issubclass(item, BaseModel) and item.__module__ == module.__name__}


def method_of(model: type[BaseModel]) -> str:
    """The method of a class for a message."""
    (method,) = get_args(model.model_fields["method"].annotation)
    return str(method)


def all_methods() -> Iterator[dict[str, str]]:
    """Who sends which method in which revision."""
    seen = set()
    for (sender, kind), (union, table) in UNIONS.items():
        if table is not None:
            seen |= {(revision, method, sender, kind) for method, revision in getattr(methods, table)}
        for revision, module in MODULES.items():
            listed = getattr(module, union, None)
            for model in get_args(listed) or ([listed] if listed else []):
                seen.add((revision, method_of(model), sender, kind))
    names = ("revision", "method", "sender", "kind")
    return (dict(zip(names, row, strict=True)) for row in sorted(seen))


def spec_names(schemas: dict[str, Schema]) -> dict[str, str]:
    """The classes' names in the specification. An object that has no name there, because it is described where it is used, is named
    for that place: its class has the name of the one member that refers to it."""
    uses = defaultdict(list)
    for owner, schema in schemas.items():
        for member, described in schema.get("properties", {}).items():
            for name in references(described):
                uses[name].append((owner, member))

    def is_inline(name: str) -> bool:
        if len(uses[name]) != 1:
            return False
        ((_, member),) = uses[name]
        named_for = member.strip("_")
        return name.rstrip("0123456789").removesuffix("Item") == named_for[0].upper() + named_for[1:]

    def spec_name(name: str) -> str:
        if not is_inline(name):
            return name
        ((owner, member),) = uses[name]
        return f"{spec_name(owner)}.{member}"

    return {name: spec_name(name) for name in schemas}


def references(schema: Any) -> Iterator[str]:
    """The classes that a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for inner in schema.values():
            yield from references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from references(inner)


class Samples:
    """Makes values that a schema allows."""

    def __init__(self, defs: dict[str, Schema]) -> None:
        """Takes the schemas that others refer to."""
        self.defs = defs
        self.open: list[str] = []

    def of(self, schema: Any, depth: int = 0) -> list[Any]:
        """Values with every choice that a schema leaves, as far as `DEPTH`. There are none for a schema inside of itself."""
        if schema is True or not schema.keys() - {"title", "description", "default"}:
            return [{"any": [None, 1]}]
        if "$ref" in schema:
            return self.of_shared(schema["$ref"].rpartition("/")[2], depth)
        if "const" in schema:
            return [schema["const"]]
        if "enum" in schema:
            return list(schema["enum"])
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            values = [value for choice in choices for value in self.of(choice, depth + 1)]
            return values if depth < DEPTH else values[:1]
        match schema["type"]:
            case "null":
                return [None]
            case "boolean":
                return [True, False]
            case "integer":
                return [3]
            case "number":
                return [0.5]
            case "string":
                return [STRINGS.get(schema.get("format", ""), "text")]
            case "array":
                return [[value] for value in self.of(schema.get("items", True), depth + 1)] or [[]]
            case "object" if "properties" in schema:
                return [self.required(schema, depth + 1)]
            case "object":
                inner = schema.get("additionalProperties", True)
                return [{"key": value} for value in self.of(inner, depth + 1)] or [{}]
        raise ValueError(f"no value is known for {schema}")

    def of_shared(self, name: str, depth: int) -> list[Any]:
        """Values of a schema that others refer to."""
        if name in self.open:
            return []
        self.open.append(name)
        values = self.of(self.defs[name], depth)
        self.open.pop()
        return values

    def required(self, schema: Schema, depth: int = 0) -> dict[str, Any]:
        """An object with the members that it must have."""
        return {member: self.of(schema["properties"][member], depth)[0] for member in schema.get("required", [])}


def optional(schema: Schema) -> Schema:
    """What a member that may be absent may be otherwise: the classes say `null` for absent, the specification does not."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    return {"anyOf": choices} if choices else schema


def all_types() -> Iterator[dict[str, Any]]:
    """The types of both sets: what a value must have, and what each member may be."""
    for revision, module in MODULES.items():
        classes = models(module)
        inputs = [(name, "validation", TypeAdapter(model)) for name, model in classes.items()]
        by_input, shared = TypeAdapter.json_schemas(inputs)
        # A class that others refer to is among the shared ones.
        schemas = {name: shared["$defs"].get(name) or by_input[name, "validation"] for name in classes}
        names = spec_names(schemas)
        values = Samples(shared["$defs"])
        for name, schema in schemas.items():
            required = values.required(schema)
            yield {
                "revision": revision,
                "type": names[name],
                "required": required,
                "members": {
                    member: values.of(described if member in required else optional(described))
                    for member, described in schema.get("properties", {}).items()
                },
            }


def main() -> None:
    """Writes the list to a file."""
    spec = {
        "package": f"mcp-types {version('mcp-types')}",
        "methods": list(all_methods()),
        "cacheable": sorted(methods.CACHEABLE_METHODS),
        "may_require_input": sorted(methods.INPUT_REQUIRED_METHODS),
        "types": list(all_types()),
    }
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(spec, file, indent=1)


if __name__ == "__main__":
    main()
