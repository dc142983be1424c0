"""Type hints and their JSON forms: unions, collections, dataclasses, typed dicts, enums and the like."""

from __future__ import annotations

import binascii
import dataclasses
import datetime
import decimal
import enum
import pathlib
import sys
import types
import typing
import uuid
from collections import abc
from collections.abc import Callable
from typing import Any

from .form import SCALARS, Form, Mismatch, object_schema, read_dict, read_list, read_str, with_default, wrong
from .jsonable import jsonable_deep


class Mapper:
    """Maps hints to forms. One mapper makes one schema: what refers to itself is collected in `definitions`.

    `names` are the names that string hints may use beside those of their module. `writes` chooses the schema of
    what pydantic writes instead of what it reads, where the two differ.
    """

    def __init__(self, names: dict[str, Any] | None = None, *, writes: bool = False) -> None:
        self.names = names or {}
        self.writes = writes
        self.definitions: dict[str, Any] = {}
        self._open: dict[Any, _Recursion] = {}
        self._foreigners = False

    def form(self, hint: Any) -> Form:
        """The form of a hint. Raises `TypeError` for a type that has none."""
        scalar = _lookup(SCALARS, hint)
        if scalar is not None:
            return scalar
        if hint is Any:
            return SCALARS[object]
        if isinstance(hint, (str, typing.ForwardRef)):
            return self.form(self._resolve(hint))
        origin = typing.get_origin(hint)
        if origin is not None:
            return self._generic(hint, origin, typing.get_args(hint))
        if isinstance(hint, typing.TypeVar):
            return self.form(hint.__bound__ if hint.__bound__ is not None else Any)
        if hasattr(hint, "__supertype__"):  # NewType
            return self.form(hint.__supertype__)
        if hasattr(hint, "__value__"):  # type X = ...
            return self.form(hint.__value__)
        if isinstance(hint, type):
            return self._class(hint)
        return self._foreign(hint)

    def hints_of(self, owner: Any) -> dict[str, Any]:
        """The resolved hints of a function or class. Raises `TypeError` when a name in them is not known."""
        try:
            return typing.get_type_hints(owner, localns=self.names or None, include_extras=True)
        except NameError as error:
            name = getattr(owner, "__qualname__", repr(owner))
            raise TypeError(
                f"a type hint of {name} names {error.name!r}, which is not defined where the hint can see it; "
                "define or import it at module level, outside `if TYPE_CHECKING`"
            ) from error

    def writer(self, hint: Any) -> Callable[[Any], Any] | None:
        """What turns values of a hint that was mapped into JSON values, where the encoder does not know how."""
        if not self._foreigners:
            return None
        from . import pydantic_form

        return pydantic_form.writer(hint)

    def _resolve(self, hint: str | typing.ForwardRef) -> Any:
        text = hint if isinstance(hint, str) else hint.__forward_arg__
        try:
            return eval(text, {**vars(typing), **self.names})
        except NameError as error:
            raise TypeError(f"the type hint {text!r} names {error.name!r}, which is not known") from error

    def _generic(self, hint: Any, origin: Any, args: tuple[Any, ...]) -> Form:
        if origin is typing.Annotated:
            return self._annotated(hint, args[0], hint.__metadata__)
        if origin in (typing.Union, types.UnionType):
            return self._union(hint, args)
        if origin is typing.Literal:
            return _choice([(_literal(value), value) for value in args])
        if getattr(origin, "_name", None) in ("Required", "NotRequired", "ReadOnly", "Final", "ClassVar"):
            return self.form(args[0])
        if origin is tuple:
            return self._tuple(args)
        if origin in (set, frozenset, abc.Set, abc.MutableSet):
            return self._array(args[0], frozenset if origin is frozenset else set, unique=True)
        if origin in (list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection):
            return self._array(args[0], None)
        if origin in (dict, abc.Mapping, abc.MutableMapping):
            return self._object(*args)
        return self._foreign(hint)

    def _class(self, cls: type) -> Form:
        simple = _lookup(_CLASSES, cls)
        if simple is not None:
            return simple
        if _is_pydantic(cls):
            return self._foreign(cls)
        if issubclass(cls, enum.Enum):
            return _choice([(jsonable_deep(member.value), member) for member in cls])
        if dataclasses.is_dataclass(cls):
            return self._named(cls, self._dataclass)
        if typing.is_typeddict(cls):
            return self._named(cls, self._typed_dict)
        if issubclass(cls, tuple) and hasattr(cls, "_fields"):
            return self._named_tuple(cls)
        if cls in _BARE:
            return self._generic(cls, cls, _BARE[cls])
        return self._foreign(cls)

    def _annotated(self, hint: Any, inner: Any, metadata: tuple[Any, ...]) -> Form:
        if any(type(item).__module__.partition(".")[0] == "pydantic" for item in metadata):
            return self._foreign(hint)
        form = self.form(inner)
        schema = dict(form.schema)
        for item in metadata:
            schema.update(_from_metadata(item))
        return Form(schema, form.read, as_is=form.as_is, exact=form.exact)

    def _union(self, hint: Any, members: tuple[Any, ...]) -> Form:
        if any(isinstance(member, type) and _is_pydantic(member) for member in members):
            return self._foreign(hint)
        forms = [self.form(member) for member in members]

        def read(value: Any) -> Any:
            for form in forms:
                if form.exact is type(value):
                    return form.read(value)
            reasons = []
            for form in forms:
                try:
                    return form.read(value)
                except Mismatch as mismatch:
                    reasons.append(str(mismatch))
            raise Mismatch("; or ".join(dict.fromkeys(reasons)))

        return Form({"anyOf": [form.schema for form in forms]}, read, as_is=all(form.as_is for form in forms))

    def _array(self, item: Any, make: Callable[[list[Any]], Any] | None, *, unique: bool = False) -> Form:
        form = self.form(item)
        schema: dict[str, Any] = {"type": "array"}
        if form.schema:
            schema["items"] = form.schema
        if unique:
            schema["uniqueItems"] = True

        def read(value: Any) -> Any:
            items = [_read_under(index, form, entry) for index, entry in enumerate(read_list(value))]
            return items if make is None else make(items)

        return Form(schema, read, as_is=form.as_is and make is None)

    def _tuple(self, args: tuple[Any, ...]) -> Form:
        if len(args) == 2 and args[1] is Ellipsis:
            return self._array(args[0], tuple)
        forms = [self.form(arg) for arg in args]
        return _row(forms, tuple)

    def _named_tuple(self, cls: Any) -> Form:
        hints = self.hints_of(cls)
        return _row([self.form(hints.get(field, Any)) for field in cls._fields], lambda items: cls(*items))

    def _object(self, key: Any, value: Any) -> Form:
        keys, values = self.form(key), self.form(value)
        schema: dict[str, Any] = {"type": "object"}
        if values.schema:
            schema["additionalProperties"] = values.schema
        read_key = None if keys.as_is else _key_reader(keys)

        def read(json: Any) -> Any:
            return {
                (name if read_key is None else read_key(name)): _read_under(name, values, entry)
                for name, entry in read_dict(json).items()
            }

        return Form(schema, read, as_is=read_key is None and values.as_is)

    def _named(self, cls: type, make: Callable[[type], Form]) -> Form:
        """The form of a class that may refer to itself: then it is a definition, else in place."""
        if cls in self._open:
            return self._open[cls].form()
        recursion = self._open[cls] = _Recursion(self._free_name(cls.__name__))
        try:
            form = make(cls)
        finally:
            del self._open[cls]
        if not recursion.used:
            return form
        recursion.target = form
        self.definitions[recursion.name] = form.schema
        return Form({"$ref": f"#/$defs/{recursion.name}"}, form.read, as_is=form.as_is)

    def _free_name(self, name: str) -> str:
        taken = {*self.definitions, *(recursion.name for recursion in self._open.values())}
        return next(free for free in (name, *(f"{name}{n}" for n in range(2, 1000))) if free not in taken)

    def _dataclass(self, cls: Any) -> Form:
        hints = self.hints_of(cls)
        fields = [field for field in dataclasses.fields(cls) if field.init]
        forms = {field.name: self.form(hints[field.name]) for field in fields}
        required = [
            field.name
            for field in fields
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        properties = {
            field.name: with_default(forms[field.name].schema, field.default)
            if field.default is not dataclasses.MISSING
            else forms[field.name].schema
            for field in fields
        }
        generated = cls.__doc__ is not None and cls.__doc__.startswith(f"{cls.__name__}(")
        schema = object_schema(properties, required, None if generated else cls.__doc__)

        def read(json: Any) -> Any:
            return cls(**_read_fields(forms, required, read_dict(json)))

        return Form(schema, read)

    def _typed_dict(self, cls: Any) -> Form:
        forms = {name: self.form(hint) for name, hint in self.hints_of(cls).items()}
        required = sorted(cls.__required_keys__, key=list(forms).index)
        schema = object_schema({name: form.schema for name, form in forms.items()}, required, cls.__doc__)

        def read(json: Any) -> Any:
            return {**read_dict(json), **_read_fields(forms, required, json)}

        return Form(schema, read, as_is=all(form.as_is for form in forms.values()))

    def _foreign(self, hint: Any) -> Form:
        """A type that only pydantic may know."""
        if "pydantic" in sys.modules:
            from . import pydantic_form

            self._foreigners = True
            form, definitions = pydantic_form.form(hint, writes=self.writes)
            return Form(self._adopt(form.schema, definitions), form.read)
        name = getattr(hint, "__qualname__", None) or repr(hint)
        raise TypeError(
            f"the type {name} has no JSON form; use builtin types, dataclasses, TypedDict, Enum or pydantic models, "
            "or give the schema yourself"
        )

    def _adopt(self, schema: Any, definitions: dict[str, Any]) -> Any:
        """Takes definitions of another schema over, under free names."""
        renamed = {}
        for name, definition in definitions.items():
            if self.definitions.get(name, definition) != definition:
                renamed[name] = self._free_name(name)
        for name, definition in definitions.items():
            self.definitions[renamed.get(name, name)] = _rename(definition, renamed)
        return _rename(schema, renamed)


class _Recursion:
    """A class whose form is being made."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.used = False
        self.target: Form | None = None

    def form(self) -> Form:
        self.used = True

        def read(value: Any) -> Any:
            assert self.target is not None, "forms are read after they are made"
            return self.target.read(value)

        return Form({"$ref": f"#/$defs/{self.name}"}, read)


def _lookup(table: dict[Any, Form], hint: Any) -> Form | None:
    try:
        return table.get(hint)
    except TypeError:  # unhashable, such as Annotated[int, {...}]
        return None


def _is_pydantic(cls: type) -> bool:
    return hasattr(cls, "__get_pydantic_core_schema__") or hasattr(cls, "__pydantic_core_schema__")


def _read_under(key: str | int, form: Form, value: Any) -> Any:
    try:
        return form.read(value)
    except Mismatch as mismatch:
        raise mismatch.under(key) from None


def _read_fields(forms: dict[str, Form], required: list[str], json: dict[str, Any]) -> dict[str, Any]:
    """The known fields of an object. Fields of no form are left out: a newer peer may send more."""
    for name in required:
        if name not in json:
            raise Mismatch(f"the field {name!r} is missing")
    return {name: _read_under(name, form, json[name]) for name, form in forms.items() if name in json}


def _row(forms: list[Form], make: Callable[[list[Any]], Any]) -> Form:
    schema = {
        "type": "array",
        "prefixItems": [form.schema for form in forms],
        "minItems": len(forms),
        "maxItems": len(forms),
    }

    def read(value: Any) -> Any:
        if len(read_list(value)) != len(forms):
            raise wrong(f"an array of {len(forms)}", value)
        return make([_read_under(index, form, value[index]) for index, form in enumerate(forms)])

    return Form(schema, read)


def _literal(value: Any) -> Any:
    return jsonable_deep(value.value) if isinstance(value, enum.Enum) else value


def _choice(choices: list[tuple[Any, Any]]) -> Form:
    """One of some values: pairs of the JSON value and the Python value."""
    values = [json for json, _ in choices]
    schema: dict[str, Any] = {"enum": values}
    kinds = {type(value) for value in values}
    kind = _lookup(SCALARS, kinds.pop()) if len(kinds) == 1 else None
    if kind is not None:
        schema = {**kind.schema, **schema}

    def read(value: Any) -> Any:
        for json, choice in choices:
            # True equals 1 in Python and not in JSON.
            if json == value and isinstance(json, bool) == isinstance(value, bool):
                return choice
        raise wrong("one of " + ", ".join(map(repr, values)), value)

    return Form(schema, read, as_is=all(json is choice for json, choice in choices))


def _key_reader(keys: Form) -> Callable[[str], Any]:
    """Reads an object's keys, which are strings in JSON, as keys of another type."""
    from ._core import loads

    def read(name: str) -> Any:
        try:
            return keys.read(name)
        except Mismatch:
            pass
        try:
            return keys.read(loads(name.encode()))
        except ValueError as error:
            raise wrong("another kind of key", name) from error

    return read


# The arguments of generic classes that are named without any.
_BARE: dict[Any, tuple[Any, ...]] = {
    tuple: (Any, ...),
    set: (Any,),
    frozenset: (Any,),
    abc.Sequence: (Any,),
    abc.Iterable: (Any,),
    abc.Mapping: (str, Any),
}

_CONSTRAINTS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}


def _from_metadata(item: Any) -> dict[str, Any]:
    """What one item of `Annotated` adds to a schema: a description, JSON Schema keywords, or a constraint of the
    package annotated_types."""
    if isinstance(item, str):
        return {"description": item}
    if isinstance(item, dict):
        return item
    documentation = getattr(item, "documentation", None)  # typing_extensions.Doc
    if isinstance(documentation, str):
        return {"description": documentation}
    return {
        keyword: getattr(item, name)
        for name, keyword in _CONSTRAINTS.items()
        if getattr(item, name, None) is not None
    }


def _rename(schema: Any, names: dict[str, str]) -> Any:
    if not names:
        return schema
    if isinstance(schema, list):
        return [_rename(item, names) for item in schema]
    if not isinstance(schema, dict):
        return schema
    renamed = {key: _rename(value, names) for key, value in schema.items()}
    reference = renamed.get("$ref")
    if isinstance(reference, str):
        prefix, _, name = reference.rpartition("/")
        renamed["$ref"] = f"{prefix}/{names.get(name, name)}"
    return renamed


def _read_as(parse: Callable[[str], Any], what: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        try:
            return parse(read_str(value))
        except (ValueError, ArithmeticError) as error:
            if isinstance(error, Mismatch):
                raise
            raise wrong(what, value) from error

    return read


def _parse_time(kind: Any) -> Callable[[str], Any]:
    # Python 3.10 does not know the suffix Z.
    return lambda text: kind.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)


def _read_decimal(value: Any) -> decimal.Decimal:
    if type(value) in (int, float):
        return decimal.Decimal(repr(value))
    parsed: decimal.Decimal = _read_as(decimal.Decimal, "a decimal number")(value)
    return parsed


_CLASSES: dict[Any, Form] = {
    bytes: Form(
        {"type": "string", "contentEncoding": "base64"}, _read_as(binascii.a2b_base64, "a base64 string")
    ),
    datetime.datetime: Form(
        {"type": "string", "format": "date-time"},
        _read_as(_parse_time(datetime.datetime), "a date and time (RFC 3339)"),
    ),
    datetime.date: Form(
        {"type": "string", "format": "date"}, _read_as(datetime.date.fromisoformat, "a date (RFC 3339)")
    ),
    datetime.time: Form(
        {"type": "string", "format": "time"}, _read_as(_parse_time(datetime.time), "a time (RFC 3339)")
    ),
    uuid.UUID: Form({"type": "string", "format": "uuid"}, _read_as(uuid.UUID, "a UUID")),
    decimal.Decimal: Form({"type": ["string", "number"]}, _read_decimal),
    pathlib.Path: Form({"type": "string"}, _read_as(pathlib.Path, "a path")),
    pathlib.PurePath: Form({"type": "string"}, _read_as(pathlib.PurePath, "a path")),
}
