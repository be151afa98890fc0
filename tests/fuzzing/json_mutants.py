"""Mutants of JSON values: members and items replaced, removed, repeated, moved, nested, retyped; text inside text too.

What is base64 of a JSON object (the payload of an envelope) is opened, mutated and closed again, so that signatures stand
over other words. The same `random.Random` gives the same mutants.
"""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

Path = tuple[str | int, ...]
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    17,
    2**31,
    2**53 - 1,
    2**53,
    -(2**63),
    2**70,
    1.5,
    "",
    "x",
    "\ud800",
    "\x00",
    "é",
    "0" * 64,
    "ab" * 32,
    "AB" * 32,
    "../x",
    "1e400",
    "-1",
    "nan",
    "e30=",
    "A" * 5000,
    [],
    {},
    [[]],
    {"": {}},
)


def paths(value: Any, at: Path = ()) -> list[Path]:
    """Every place in `value`, the root first."""
    found = [at]
    if isinstance(value, dict):
        for key, item in value.items():
            found += paths(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += paths(item, (*at, index))
    return found


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def replaced(value: Any, path: Path, new: Any) -> Any:
    """`value` with `new` at `path`; changed in place but for the root."""
    if not path:
        return new
    at(value, path[:-1])[path[-1]] = new
    return value


def mutated(value: Any, chance: random.Random, *, pool: Sequence[Any] = (), edits: int = 0) -> Any:
    """A copy of `value` with one to three edits; `pool` holds values that may stand in for others."""
    changed = copy.deepcopy(value)
    for _ in range(edits or chance.choice((1, 1, 1, 2, 3))):
        places = paths(changed)
        path = chance.choice(places)
        changed = chance.choice(_EDITS)(changed, path, chance, pool)
    return changed


def encoded(value: Any) -> bytes:
    """JSON as a careless sender writes it: numbers of any size, lone surrogates."""
    return json.dumps(value).encode("utf-8")


def _replace(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    return replaced(value, path, copy.deepcopy(chance.choice(ODD)))


def _splice(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    """Another part of the same value, or of one in the pool."""
    source = chance.choice([value, *pool])
    return replaced(value, path, copy.deepcopy(at(source, chance.choice(paths(source)))))


def _remove(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    if path:
        del at(value, path[:-1])[path[-1]]
    return value


def _rename(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    if path and isinstance(path[-1], str):
        owner = at(value, path[:-1])
        owner[chance.choice((path[-1].upper(), path[-1] + " ", "", "\ud800", "__proto__"))] = owner.pop(
            path[-1]
        )
    return value


def _add(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    here = at(value, path)
    if isinstance(here, dict):
        here[chance.choice(("extra", "", "run", "payload"))] = copy.deepcopy(chance.choice(ODD))
    elif isinstance(here, list):
        here.insert(chance.randint(0, len(here)), copy.deepcopy(chance.choice([*here, *ODD])))
    return value


def _repeat(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    here = at(value, path)
    if isinstance(here, list) and here:
        here += [copy.deepcopy(chance.choice(here)) for _ in range(chance.choice((1, 2, 70)))]
    return value


def _reorder(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    here = at(value, path)
    if isinstance(here, list):
        chance.shuffle(here)
    elif isinstance(here, dict) and len(here) > 1:
        one, other = chance.sample(sorted(here), 2)
        here[one], here[other] = here[other], here[one]
    return value


def _nest(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    inner = copy.deepcopy(at(value, path))
    for _ in range(chance.choice((1, 1, 2, 17, 60))):
        inner = [inner] if chance.random() < 0.5 else {"x": inner}
    return replaced(value, path, inner)


def _edit(value: Any, path: Path, chance: random.Random, pool: Sequence[Any]) -> Any:
    """Within a text or a number; within the JSON that a text is the base64 of, if it is."""
    here = at(value, path)
    if isinstance(here, bool) or not isinstance(here, (int, str)) or here == "":
        return value
    if isinstance(here, int):
        return replaced(value, path, chance.choice((here + 1, here - 1, -here, here * 2, here * 2**40)))
    inner = _opened(here)
    if inner is not None and chance.random() < 0.7:
        text = json.dumps(mutated(inner, chance, edits=1), separators=(",", ":"))
        return replaced(value, path, base64.b64encode(text.encode("utf-8", "surrogatepass")).decode())
    where = chance.randrange(len(here))
    letter = chance.choice("0aA=/+ \n\x00é\u202e")
    return replaced(
        value,
        path,
        chance.choice(
            (
                here[:where] + letter + here[where + 1 :],
                here[:where] + letter + here[where:],
                here[:where] + here[where + 1 :],
                here[:where],
                here.swapcase(),
                here + here,
                here + "\n",
            )
        ),
    )


def _opened(text: str) -> Any:
    try:
        found = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


_EDITS: tuple[Callable[[Any, Path, random.Random, Sequence[Any]], Any], ...] = (
    _replace,
    _replace,
    _splice,
    _splice,
    _remove,
    _remove,
    _rename,
    _add,
    _repeat,
    _reorder,
    _nest,
    _edit,
    _edit,
    _edit,
)
