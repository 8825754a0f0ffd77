"""The JSON Schema of plan.json, derived from the plan's own types."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from bucketwise.core.encoder.plan import EncoderPlan
from bucketwise.core.plan import SCHEMA, Plan

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    Any: {},
}


def plan_schema() -> dict[str, Any]:
    """Return the schema that every plan.json of this version satisfies."""
    definitions: dict[str, Any] = {}
    plans = [_of(kind, definitions) for kind in (Plan, EncoderPlan)]
    for kind in (Plan, EncoderPlan):
        definitions[kind.__name__]["properties"]["schema"] = {"const": SCHEMA}
    return {
        "$schema": DIALECT,
        "title": SCHEMA,
        "description": "A plan for images and a decoder, or one for a text encoder.",
        "anyOf": plans,
        "$defs": definitions,
    }


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}
            definitions[kind.__name__] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(option, definitions) for option in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": _of(inner[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(inner[1], definitions)}
    return dict(_PLAIN[kind])


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    # A field that may be left out says so by None as its default.
    needed = [f.name for f in dataclasses.fields(kind) if f.default is not None]
    return {
        "type": "object",
        "description": (kind.__doc__ or "").partition("\n")[0],
        "properties": {name: _of(hints[name], definitions) for name in names},
        "required": needed,
        "additionalProperties": False,
    }
