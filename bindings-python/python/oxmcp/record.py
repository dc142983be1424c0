"""Values with a fixed set of fields, in Python's spelling and the wire's."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from typing_extensions import Self


class Record:
    """A value of the specification: fields in snake_case here, in camelCase on the wire.

    Equal when all fields are equal. An attribute that is not a field raises, when it is set and when it is read.
    Fields that a peer sent and this version does not know are kept in `extra` and written again.
    """

    __slots__ = ("extra",)

    # Field to wire name, in the order they are written.
    _wire: ClassVar[dict[str, str]] = {}

    extra: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """The value as on the wire; fields that are None are left out."""
        json: dict[str, Any] = {}
        for field, name in self._wire.items():
            value = getattr(self, field)
            if value is not None:
                json[name] = _plain(value)
        if self.extra:
            json.update(self.extra)
        return json

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> Self:
        """The value from its wire form. Missing fields are None."""
        record = cls.__new__(cls)
        for field, name in cls._wire.items():
            setattr(record, field, json.get(name))
        known = cls._wire.values()
        record.extra = {name: value for name, value in json.items() if name not in known} or None
        return record

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_json() == self.to_json()

    # Fields can change and may hold dicts.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = (f"{field}={getattr(self, field)!r}" for field in self._wire if getattr(self, field) is not None)
        return f"{type(self).__name__}({', '.join(fields)})"


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
