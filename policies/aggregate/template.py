"""Putting a job's values into a template's text: each only as a literal of its declared type.

The text that results is read by the SQL gate like any other, so a value can at most be refused there; that it cannot change
the statement's shape is seen to here: `{name}` becomes one number, one quoted string or one DATE literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from policies.documents.query import Parameter, ParameterType, ParameterValue
from policies.errors import PolicyError

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACE: Final = re.compile(r"\{([a-z][a-z0-9_]{0,62})\}")


class ParametersInvalid(PolicyError):
    """Values that are not those a template declares."""

    code = "parameters_invalid"


def fill(sql: str, parameters: Sequence[Parameter], values: Sequence[ParameterValue]) -> str:
    """`sql` with every `{name}` of `parameters` replaced by its literal. Raises ParametersInvalid."""
    if [parameter.name for parameter in parameters] != [value.name for value in values]:
        raise ParametersInvalid("expected exactly the declared parameters, each once, got others")
    literals = {p.name: _literal(p, v.value) for p, v in zip(parameters, values, strict=True)}
    return _PLACE.sub(lambda found: _of(literals, found[1], found[0]), sql)


def _of(literals: Mapping[str, str], name: str, text: str) -> str:
    # Braces that name no parameter stay as they are: the gate refuses them as struct syntax.
    return literals.get(name, text)


def _literal(parameter: Parameter, value: str) -> str:
    if parameter.choices is not None and value not in parameter.choices:
        raise ParametersInvalid(f"expected one of the declared choices for `{parameter.name}`, got another")
    match parameter.type:
        case ParameterType.INTEGER if _INTEGER.fullmatch(value):
            return value
        case ParameterType.DECIMAL if _DECIMAL.fullmatch(value):
            return value
        case ParameterType.DATE if _is_date(value):
            return f"DATE '{value}'"
        case ParameterType.TEXT:
            # A quote is the one character that could end the literal; no dialect in use here knows backslash escapes.
            return "'" + value.replace("'", "''") + "'"
        case _:
            raise ParametersInvalid(f"expected {parameter.type} for `{parameter.name}`, got other text")


def _is_date(value: str) -> bool:
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
