"""A Python function as a tool: its schemas from its signature, its arguments from JSON."""

from __future__ import annotations

import sys
from functools import partial

from . import options
from .content import CONTENT_TYPES
from .context import Context
from .docstring import dedent
from .errors import MisuseError
from .form import SCALARS, Form, Mismatch, object_schema, with_default
from .reply import Reply
from .result import ToolResult
from .tool import ToolAnnotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import EllipsisType
    from typing import Any

    from .hints import Mapper

_PLAIN_FUNCTION = type(lambda: None)

# No default or hint; and a default that is made for each call.
_MISSING: Any = object()
_MADE: Any = object()

# Bits of a code object's flags.
_VARARGS, _VARKEYWORDS, _GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200


class Function:
    """A function as a tool.

    `definition` is the tool as the specification writes it. `is_async` says whether calling it gives a coroutine.
    `reply` writes what it returns. `scopes` are what the access token of a call needs.
    """

    __slots__ = (
        "_context",
        "_defaults",
        "_positional",
        "_readers",
        "definition",
        "fn",
        "is_async",
        "name",
        "reply",
        "scopes",
    )

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: ToolAnnotations | dict[str, Any] | None = None,
        icons: list[dict[str, Any]] | None = None,
        meta: dict[str, Any] | None = None,
        input_schema: dict[str, Any] | None = None,
        output_schema: dict[str, Any] | EllipsisType | None = ...,
        scopes: Sequence[str] | None = None,
        names: dict[str, Any] | None = None,
    ) -> None:
        signature = _signature(fn)
        self.fn = fn
        self.is_async = signature.is_async
        self.name = _name(fn) if name is None else name
        self.scopes = options.texts("scopes", scopes)
        _check_bound(fn, signature, self.name)
        hints = _Hints(fn, signature, names, self.name)
        self._context: str | None = None
        self._readers: list[tuple[str, Form]] = []
        self._defaults: list[tuple[str, Callable[[], Any]]] = []
        self._positional = [parameter.name for parameter in signature.parameters if parameter.positional_only]
        schema = self._take_parameters(signature, hints, input_schema)
        self.reply, output = _reply(hints, output_schema)

        self.definition: dict[str, Any] = {"name": self.name, "inputSchema": schema}
        docstring = _wrapped(fn).__doc__
        if description is None and docstring:
            description = dedent(docstring)
        if isinstance(annotations, ToolAnnotations):
            annotations = annotations.to_json()
        for key, value in (
            ("title", title),
            ("description", description),
            ("outputSchema", output),
            ("annotations", annotations),
            ("icons", icons),
            ("_meta", meta),
        ):
            if value is not None:
                self.definition[key] = value

    def _take_parameters(
        self, signature: _Signature, hints: _Hints, given: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Learns how each parameter is read, and returns the schema of them all."""
        properties: dict[str, Any] = {}
        required: list[str] = []
        for parameter in signature.parameters:
            hint = hints.of(parameter.name)
            if _is_context(hint):
                self._context = parameter.name
                continue
            if given is not None:
                continue
            default = parameter.default
            if type(default).__module__ == "pydantic.fields":
                hint, default = self._take_field(parameter.name, hint, default)
            form = hints.form(hint, f"the parameter {parameter.name!r}")
            if not form.as_is:
                self._readers.append((parameter.name, form))
            if default is _MISSING:
                required.append(parameter.name)
            known = default is not _MISSING and default is not _MADE
            properties[parameter.name] = with_default(form.schema, default) if known else form.schema
            if parameter.positional_only and known:
                self._defaults.append((parameter.name, partial(_same, default)))
        if given is not None:
            return given
        schema = object_schema(properties, required)
        if not signature.takes_any:
            schema["additionalProperties"] = False
        elif signature.bound:
            schema["properties"].update(dict.fromkeys(signature.bound, False))
        return {**schema, **hints.definitions()}

    def _take_field(self, name: str, hint: Any, field: Any) -> tuple[Any, Any]:
        """The hint and the default of a parameter whose default is a pydantic `Field(...)`."""
        from typing import Annotated

        annotated = Annotated[hint, field]
        if field.is_required():
            return annotated, _MISSING
        self._defaults.append((name, lambda: field.get_default(call_default_factory=True)))
        return annotated, _MADE if field.default_factory is not None else field.default

    def arguments(self, json: dict[str, Any], context: Callable[[], Context]) -> tuple[list[Any], dict[str, Any]]:
        """The positional and the keyword arguments for a call. Takes the dict over. Raises `Mismatch`."""
        for name, form in self._readers:
            if name in json:
                try:
                    json[name] = form.read(json[name])
                except Mismatch as mismatch:
                    raise mismatch.under(name) from None
        for name, default in self._defaults:
            if name not in json:
                json[name] = default()
        if self._context is not None:
            json[self._context] = context()
        if not self._positional:
            return [], json
        return [json.pop(name) for name in self._positional], json

    @property
    def plain(self) -> bool:
        """Whether the JSON arguments are the keyword arguments as they are."""
        return not (self._readers or self._defaults or self._context or self._positional)


class _Parameter:
    __slots__ = ("default", "name", "positional_only")

    def __init__(self, name: str, default: Any, positional_only: bool) -> None:
        self.name = name
        self.default = default
        self.positional_only = positional_only


class _Signature:
    """What is needed of a signature: `hinted` is the object whose hints are its hints, `bound` the names of keyword
    arguments that a partial gives."""

    __slots__ = ("bound", "hinted", "is_async", "parameters", "takes_any")

    def __init__(
        self,
        hinted: Any,
        parameters: list[_Parameter],
        *,
        is_async: bool,
        takes_any: bool,
        bound: tuple[str, ...] = (),
    ) -> None:
        self.bound = bound
        self.hinted = hinted
        self.parameters = parameters
        self.is_async = is_async
        self.takes_any = takes_any


def _signature(fn: Any) -> _Signature:
    """The signature of a function. Plain functions are read from their code object: `inspect` costs a cold start."""
    if type(fn) is not _PLAIN_FUNCTION or hasattr(fn, "__wrapped__") or hasattr(fn, "__signature__"):
        return _inspected(fn)
    code = fn.__code__
    flags = code.co_flags
    _check_kind(fn, bool(flags & _VARARGS), bool(flags & (_GENERATOR | _ASYNC_GENERATOR)))
    count = code.co_argcount
    names = code.co_varnames[: count + code.co_kwonlyargcount]
    defaults: dict[str, Any] = dict(fn.__kwdefaults__ or {})
    given = fn.__defaults__ or ()
    defaults.update(zip(names[count - len(given) : count], given, strict=True))
    parameters = [
        _Parameter(name, defaults.get(name, _MISSING), index < code.co_posonlyargcount)
        for index, name in enumerate(names)
    ]
    return _Signature(
        fn, parameters, is_async=bool(flags & _COROUTINE), takes_any=bool(flags & _VARKEYWORDS)
    )


def _inspected(fn: Any) -> _Signature:
    import inspect

    if not callable(fn):
        raise MisuseError(f"a tool is a function, not {fn!r}")
    signature = inspect.signature(fn)
    # What a partial has bound is not the caller's to give.
    bound = tuple(fn.keywords) if isinstance(fn, partial) else ()
    parameters = [p for p in signature.parameters.values() if p.name not in bound]
    wrapped = _wrapped(fn)
    plain = wrapped if inspect.isroutine(wrapped) else wrapped.__call__
    generates = inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain)
    _check_kind(fn, any(p.kind is p.VAR_POSITIONAL for p in parameters), generates)
    return _Signature(
        inspect.unwrap(plain),
        [
            _Parameter(p.name, _MISSING if p.default is p.empty else p.default, p.kind is p.POSITIONAL_ONLY)
            for p in parameters
            if p.kind is not p.VAR_KEYWORD
        ],
        is_async=inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(plain),
        takes_any=any(p.kind is p.VAR_KEYWORD for p in parameters),
        bound=bound,
    )


def _check_kind(fn: Any, takes_positional: bool, generates: bool) -> None:
    if takes_positional:
        raise MisuseError(f"the tool {_name(fn)} takes *args; arguments of a tool have names")
    if generates:
        raise MisuseError(f"the tool {_name(fn)} is a generator; return a value, and report progress by a Context")


def _check_bound(fn: Any, signature: _Signature, tool: str) -> None:
    """Refuses a method that is not bound to an object: nobody would give its `self`."""
    scope, _, name = getattr(fn, "__qualname__", "").rpartition(".")
    in_class = scope and not scope.endswith("<locals>")
    if in_class and signature.parameters and signature.parameters[0].name in ("self", "cls"):
        first, holder = signature.parameters[0].name, scope.rpartition(".")[2]
        raise MisuseError(
            f"the tool {tool!r} is a method without its object: {first!r} would be an argument of the tool; "
            f"register the bound method instead: server.add_tool({holder}(...).{name})"
        )


def _wrapped(fn: Any) -> Any:
    """What a `functools.partial` calls, or the callable itself."""
    while isinstance(fn, partial):
        fn = fn.func
    return fn


def _name(fn: Any) -> str:
    fn = _wrapped(fn)
    name = getattr(fn, "__name__", None)
    if name == "<lambda>":
        raise MisuseError("a lambda needs a name: server.tool(fn, name=...)")
    return name if isinstance(name, str) else type(fn).__name__


class _Hints:
    """The hints of a function, resolved as cheaply as they allow."""

    def __init__(self, fn: Any, signature: _Signature, names: dict[str, Any] | None, tool: str) -> None:
        self._names = names or {}
        self._tool = tool
        self._mapper: Mapper | None = None
        hinted = signature.hinted
        written: dict[str, Any] = getattr(hinted, "__annotations__", None) or {}
        module: dict[str, Any] = getattr(hinted, "__globals__", {})
        self._hints: dict[str, Any] = {}
        for name, hint in written.items():
            resolved = _resolve(hint, module, self._names)
            if resolved is _MISSING:
                self._hints = self._resolved(hinted)
                break
            self._hints[name] = resolved

    def of(self, name: str) -> Any:
        """The hint of a parameter (`return` for the result), or the missing marker."""
        return self._hints.get(name, _MISSING)

    def form(self, hint: Any, what: str) -> Form:
        """The form of a hint. Raises `MisuseError` naming `what`."""
        if hint is _MISSING:
            return SCALARS[object]
        simple = _simple(hint)
        if simple is not None:
            return simple
        try:
            return self._mapping().form(hint)
        except TypeError as error:
            raise MisuseError(f"{what} of the tool {self._tool!r}: {error}") from error

    def output(self, hint: Any) -> tuple[dict[str, Any] | None, Callable[[Any], Any] | None]:
        """The schema of what a function with this hint returns, or None when it has none, and what pydantic needs to
        write it."""
        simple = _simple(hint)
        if simple is not None:
            return simple.schema, None
        from .hints import Mapper

        mapper = Mapper(self._names, writes=True)
        try:
            schema = mapper.form(hint).schema
        except TypeError:
            return None, None
        if mapper.definitions:
            schema = {**schema, "$defs": mapper.definitions}
        return schema, mapper.writer(hint)

    def definitions(self) -> dict[str, Any]:
        """What the forms' schemas refer to, as the keyword `$defs` or nothing."""
        if self._mapper is None or not self._mapper.definitions:
            return {}
        return {"$defs": self._mapper.definitions}

    def _resolved(self, hinted: Any) -> dict[str, Any]:
        try:
            return self._mapping().hints_of(hinted)
        except TypeError as error:
            raise MisuseError(f"the tool {self._tool!r}: {error}") from error

    def _mapping(self) -> Mapper:
        if self._mapper is None:
            from .hints import Mapper

            self._mapper = Mapper(self._names)
        return self._mapper


def _resolve(hint: Any, module: dict[str, Any], names: dict[str, Any]) -> Any:
    """A hint that is no string or the name of something; else the missing marker."""
    if not isinstance(hint, str):
        return hint
    for scope in (names, module, vars(sys.modules["builtins"])):
        if hint in scope:
            return scope[hint]
    return None if hint == "None" else _MISSING


def _same(value: Any) -> Any:
    return value


def _simple(hint: Any) -> Form | None:
    try:
        return SCALARS.get(hint)
    except TypeError:  # unhashable, such as Annotated[int, {...}]
        return None


def _is_context(hint: Any) -> bool:
    if isinstance(hint, type):
        return issubclass(hint, Context)
    return Context in getattr(hint, "__args__", ())


def _reply(hints: _Hints, given: dict[str, Any] | EllipsisType | None) -> tuple[Reply, dict[str, Any] | None]:
    """How a function's results are written, and their schema."""
    if given is None:
        return Reply(structured=False), None
    if isinstance(given, dict):
        return Reply(structured=True), given
    hint = hints.of("return")
    if hint is _MISSING or _is_unstructured(hint):
        return Reply(), None
    schema, write = hints.output(hint)
    if not schema:
        return Reply(), None
    root = schema
    if "$ref" in schema:  # an output schema is of type object at its root
        definitions = schema["$defs"]
        root = {**definitions[schema["$ref"].rpartition("/")[2]], "$defs": definitions}
    if root.get("type") == "object":
        return Reply(structured=True, write=write), root
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    inner = {key: value for key, value in schema.items() if key != "$defs"}
    wrapped = {**object_schema({"result": inner}, ["result"]), **definitions}
    return Reply(structured=True, wrap=True, write=write), wrapped


def _is_unstructured(hint: Any) -> bool:
    """Whether results of this hint are content, text or not known beforehand."""
    if hint in (str, None, type(None), object) or isinstance(hint, type) and issubclass(hint, _CONTENT):
        return True
    if hint in (list, tuple) or _is_any(hint):
        return True
    if getattr(hint, "__origin__", None) in (list, tuple) and any(_is_any(arg) for arg in hint.__args__):
        return True
    return any(isinstance(leaf, type) and issubclass(leaf, _CONTENT) for leaf in _leaves(hint))


def _is_any(hint: Any) -> bool:
    typing = sys.modules.get("typing")
    return typing is not None and hint is typing.Any


def _leaves(hint: Any) -> list[Any]:
    args = getattr(hint, "__args__", None)
    return [leaf for arg in args for leaf in _leaves(arg)] if args else [hint]


_CONTENT = (*CONTENT_TYPES, ToolResult)
