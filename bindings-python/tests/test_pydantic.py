"""pydantic models in hints, when the program uses pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Optional

import pytest
from pydantic import BaseModel, Field, computed_field

from oxmcp import MisuseError
from oxmcp.form import Mismatch
from oxmcp.function import Function


class Address(BaseModel):
    street: str
    number: int = Field(gt=0)


class Person(BaseModel):
    name: str
    address: Address
    friends: list[Person] = []


class Area(BaseModel):
    width: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return self.width * self.width


@dataclass
class Letter:
    to: Address


def arguments(function: Function, json: dict[str, Any]) -> dict[str, Any]:
    return function.arguments(json, lambda: pytest.fail("no context wanted"))[1]


def test_a_model_is_a_parameter() -> None:
    def tool(person: Person) -> str:
        return person.name

    function = Function(tool)
    schema = function.definition["inputSchema"]
    assert schema["properties"]["person"] == {"$ref": "#/$defs/Person"}
    assert set(schema["$defs"]) == {"Address", "Person"}
    json = {"person": {"name": "A", "address": {"street": "S", "number": 1}}}
    assert arguments(function, json) == {"person": Person(name="A", address=Address(street="S", number=1))}


def test_models_may_be_inside_other_types() -> None:
    def tool(letters: list[Letter], reply_to: Optional[Address] = None) -> str:
        return ""

    function = Function(tool)
    made = arguments(function, {"letters": [{"to": {"street": "S", "number": 1}}], "reply_to": None})
    assert made == {"letters": [Letter(Address(street="S", number=1))], "reply_to": None}


def test_fields_give_descriptions_constraints_and_defaults() -> None:
    def tool(
        a: Annotated[int, Field(description="first", ge=1)],
        b: int = Field(5, description="second"),
        c: list[int] = Field(default_factory=list),
    ) -> str:
        return ""

    function = Function(tool)
    schema = function.definition["inputSchema"]
    assert schema["properties"]["a"] == {"type": "integer", "description": "first", "minimum": 1}
    assert schema["properties"]["b"] == {"type": "integer", "description": "second", "default": 5}
    assert schema["required"] == ["a"]
    assert arguments(function, {"a": 1}) == {"a": 1, "b": 5, "c": []}


def test_what_a_validator_refuses_is_a_mismatch() -> None:
    def tool(address: Address) -> str:
        return ""

    with pytest.raises(Mismatch, match=r"address: number: Input should be greater than 0"):
        arguments(Function(tool), {"address": {"street": "S", "number": 0}})


def test_the_output_schema_is_of_what_is_written() -> None:
    def tool() -> Area:
        return Area(width=2)

    schema = Function(tool).definition["outputSchema"]
    assert schema["type"] == "object"
    assert set(schema["properties"]) == {"width", "size"}


def test_definitions_of_the_same_name_do_not_collide() -> None:
    def inner(name: str) -> Any:
        return list[type("Same", (BaseModel,), {"__annotations__": {name: int}})]  # type: ignore[misc]

    def tool(x: Any, y: Any) -> str:
        return ""

    tool.__annotations__.update(x=inner("a"), y=inner("b"))
    function = Function(tool)
    made = arguments(function, {"x": [{"a": 1}], "y": [{"b": 2}]})
    assert made["x"][0].a == 1
    assert made["y"][0].b == 2


def test_a_type_that_pydantic_does_not_know_is_refused() -> None:
    class Odd:
        pass

    def tool(odd: Any) -> str:
        return ""

    tool.__annotations__["odd"] = Odd
    with pytest.raises(MisuseError, match="has no JSON form"):
        Function(tool)
