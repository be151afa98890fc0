"""Attack: recover who is behind the tokens of a join by trying every resident number of a county.

Naive: tokens are hashes of the numbers, bare or with a public salt, or keyed with one secret that the departments share, one
of whom helps. Ten days of births are tried here, ten thousand numbers; a county's eighty years are minutes more. Ours: the
tokens of `enclaves.protocols.alignment`; the attacker is the joiner together with all departments but one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes

from enclaves.protocols.alignment.errors import ScenarioKeyDeleted
from enclaves.protocols.alignment.group import Points
from enclaves.protocols.alignment.join import Delivered
from enclaves.protocols.alignment.payload import PayloadShape, Record
from enclaves.protocols.alignment.scenario_key import candidates
from policies.resident import ResidentId
from tests.enclaves.protocols.alignment.kit import District, person

COUNTY = [person(number) for number in range(10_000)]
TRIED = COUNTY[:400]
"""Ours takes 60 µs a trial and key; the persons sought are among these, so trying more would find no more of them."""
SOUGHT = [COUNTY[(7919 * n) % 400] for n in range(1, 21)]
SALT = b"scenario-2026"
SHARED_KEY = hashlib.sha256(b"what every department holds").digest()
NAMES = ("clinic", "school", "tax")


def sm3(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


SCHEMES: dict[str, Callable[[bytes], bytes]] = {
    "sha-256": lambda text: hashlib.sha256(text).digest(),
    "sm3": sm3,
    "sha-256 with a public salt": lambda text: hashlib.sha256(SALT + text).digest(),
    "hmac with a key that one department gives away": lambda text: hmac.digest(SHARED_KEY, text, "sha256"),
}


def recovered(tokens: Sequence[bytes], tried: Sequence[ResidentId], guesses: Sequence[bytes]) -> int:
    """How many of the persons sought the attacker names, and names rightly."""
    table = dict(zip(guesses, tried, strict=True))
    return len({table[token] for token in tokens if token in table} & set(SOUGHT))


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
def test_hashed_numbers_are_all_recovered(scheme: Callable[[bytes], bytes]) -> None:
    published = [scheme(who.text.encode()) for who in SOUGHT]
    guesses = [scheme(who.text.encode()) for who in COUNTY]
    assert recovered(published, COUNTY, guesses) == len(SOUGHT) == 20


@cache
def played() -> tuple[District, list[Delivered]]:
    town = District(dict.fromkeys(NAMES, PayloadShape()))
    delivered = town.run({name: [(who, Record()) for who in SOUGHT] for name in NAMES})
    return town, delivered


def raised_by(town: District, names: Sequence[str], points: Points) -> list[bytes]:
    for name in names:
        points = town.keys[name].raised(points)
    return list(points)


@pytest.mark.parametrize("honest", NAMES)
def test_all_departments_but_one_and_the_joiner_recover_nobody(honest: str) -> None:
    town, delivered = played()
    others = [name for name in NAMES if name != honest]
    tokens = [token for each in delivered for token in each.rows]
    everything = [point for batch in town.hops.values() for point in batch.points]
    for names in ([], *([name] for name in others), others):
        guesses = raised_by(town, names, candidates(town.sid, TRIED))
        assert recovered(tokens, TRIED, guesses) == 0
        # What passes through the colluding departments is raised by the honest one too, or not theirs to see.
        seen = [p for p in everything if p not in set(own_batch(town, names))]
        assert recovered(seen, TRIED, guesses) == 0


def own_batch(town: District, names: Sequence[str]) -> list[bytes]:
    """Points that carry the colluders' keys only: of their own sets, which they know."""
    return [
        point
        for (origin, stage), batch in town.hops.items()
        if set(town.roster.way(origin)[:stage]) <= set(names)
        for point in batch.points
    ]


def test_with_every_key_the_same_search_recovers_everybody() -> None:
    town, delivered = played()
    guesses = raised_by(town, NAMES, candidates(town.sid, TRIED))
    for each in delivered:
        assert recovered(list(each.rows), TRIED, guesses) == 20


def test_once_a_single_key_is_deleted_even_all_together_recover_nobody() -> None:
    town, _ = played()
    ended = District(town.shapes)
    ended.keys["school"].delete()
    with pytest.raises(ScenarioKeyDeleted):
        raised_by(ended, NAMES, candidates(town.sid, TRIED))


def test_tokens_of_two_scenarios_have_nothing_in_common() -> None:
    town, delivered = played()
    other = District(town.shapes, sid=hashlib.sha256(b"another scenario").digest(), seed=town.seed)
    again = other.run({name: [(who, Record()) for who in SOUGHT] for name in NAMES})
    for first, second in zip(delivered, again, strict=True):
        assert len(first.rows) == len(second.rows) == 20
        assert not first.rows.keys() & second.rows.keys()
