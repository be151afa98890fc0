"""The sum of one party's amounts over the persons that both parties know, in the shape of Private Join and Compute.

    counter → giver    A = shuffled { H(x)^a }
    giver → counter    shuffled A^b, and shuffled pairs ( H(y)^b, Enc(amount - low) )
    counter            raises the H(y)^b by a, finds them among A^b, adds the ciphertexts found, rerandomizes
    counter → gate     how many there were, and the ciphertext of the sum

Rules:
- The homomorphic key is the gate's. The giver encrypts and the counter adds under its public half, so neither of them
  learns the sum; the counter learns how many persons there are, and the gate both figures. Nobody learns who.
- Amounts are clipped to low … high and encrypted as distances from `low`, never below zero; `Outcome.total` adds back.
- Both sets are padded with dummies that match nobody, and committed to: a rerun with another set is refused.
- The sum is rerandomized before it leaves, so that it is no product of ciphertexts that the giver would recognize.
- With nobody in both sets the counter sends an encryption of zero: the messages look the same.

After Ion et al., "On Deploying Secure Computation: Private Intersection-Sum-with-Cardinality" (EuroS&P 2020), and
protocols.md section 5, pattern 3. Both parties are semi-honest: a counter that adds other ciphertexts gives another sum,
which is why the gate applies k and rounding to it, and this module does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, Protocol, TypeVar

from enclaves.protocols.alignment import sizes
from enclaves.protocols.alignment.commitment import Commitment, check_commitment, commitment
from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.group import POINT_BYTES, Points
from enclaves.protocols.alignment.scenario_key import Purpose, ScenarioKey
from enclaves.protocols.alignment.shuffle import RandomBytes, permutation, reordered
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label
from policies.resident import ResidentId

Held = TypeVar("Held")
Outgoing = TypeVar("Outgoing")
_OWN: Final = 1


class AdditiveKey(Protocol[Held, Outgoing]):
    """The public half of an additively homomorphic key; its room owns the cipher, the ranges and the checks of bytes.

    A `Held` ciphertext came in or was computed, an `Outgoing` one carries fresh randomness; only that has a wire form.
    """

    def encrypt(self, amount: int) -> Outgoing:
        """A fresh ciphertext of an integer of at least zero."""

    def add(self, first: Held, second: Held) -> Held:
        """A ciphertext of the sum."""

    def rerandomize(self, ciphertext: Held) -> Outgoing:
        """A ciphertext of the same integer that nobody can link to this one."""

    def to_bytes(self, ciphertext: Outgoing) -> bytes:
        """The wire form."""

    def from_bytes(self, raw: bytes) -> Held:
        """The inverse; raises a ProtocolError for other bytes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The counter's set, blinded, padded and shuffled."""

    points: Points

    def commitment(self, key: ScenarioKey, *, sender: str) -> Commitment:
        """What the sender logs of it."""
        return _commitment(self.points, key, origin=sender, stage=_OWN)


@dataclass(frozen=True, slots=True)
class Answered:
    """The counter's points raised, and the giver's own with a ciphertext each, both shuffled."""

    raised: Points
    own: Points
    ciphertexts: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.own) != len(self.ciphertexts):
            raise BatchInvalid(f"expected {len(self.own)} ciphertexts, got {len(self.ciphertexts)}")

    def commitment(self, key: ScenarioKey, *, sender: str) -> Commitment:
        """What the sender logs of its own set."""
        return _commitment(self.own, key, origin=sender, stage=_OWN)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an amount is clipped to; public, in the authorization."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ProtocolError("expected bounds with the lower first, got others")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What goes to the gate: how many persons are in both sets, and the encrypted sum of distances."""

    persons: int
    ciphertext: bytes = field(repr=False)

    def total(self, decrypted: int, *, bounds: Bounds) -> int:
        """The sum of the amounts. Raises BatchInvalid if so many persons cannot have it."""
        if not 0 <= decrypted <= self.persons * (bounds.high - bounds.low):
            raise BatchInvalid("expected a sum within the bounds of its persons, got another")
        return decrypted + self.persons * bounds.low


def ask(ids: Sequence[ResidentId], key: ScenarioKey, *, random_bytes: RandomBytes) -> Asked:
    """The counter's first step. Raises BatchInvalid for too many ids or one twice, SetChanged in a rerun."""
    points = _own(ids, key)
    order = permutation(len(points), random_bytes)
    asked = Asked(Points(reordered(points.raw, order, width=POINT_BYTES)))
    key.commit(key.department, stage=_OWN, commitment=asked.commitment(key, sender=key.department))
    return asked


def answer(
    asked: Asked,
    persons: Sequence[tuple[ResidentId, int]],
    key: ScenarioKey,
    *,
    counter: str,
    logged: Commitment,
    bounds: Bounds,
    cipher: AdditiveKey[Held, Outgoing],
    random_bytes: RandomBytes,
) -> Answered:
    """The giver's step; `logged` is what `counter` signed into the log.

    Raises BatchInvalid for points other than the logged ones, SetChanged for another set of either party, PointInvalid.
    """
    sizes.check_padded(len(asked.points))
    made = asked.commitment(key, sender=counter)
    check_commitment(made, logged)
    key.check_same_set(counter, stage=_OWN, commitment=made)
    raised = key.raised(asked.points)
    own = _own([person for person, _ in persons], key)
    distances = [min(max(amount, bounds.low), bounds.high) - bounds.low for _, amount in persons]
    distances += [0] * (len(own) - len(persons))
    order, other = permutation(len(own), random_bytes), permutation(len(raised), random_bytes)
    answered = Answered(
        raised=Points(reordered(raised.raw, other, width=POINT_BYTES)),
        own=Points(reordered(own.raw, order, width=POINT_BYTES)),
        ciphertexts=tuple(cipher.to_bytes(cipher.encrypt(distances[place])) for place in order),
    )
    key.commit(counter, stage=_OWN, commitment=made)
    key.commit(key.department, stage=_OWN, commitment=answered.commitment(key, sender=key.department))
    return answered


def add_up(
    answered: Answered,
    key: ScenarioKey,
    *,
    giver: str,
    logged: Commitment,
    cipher: AdditiveKey[Held, Outgoing],
) -> Outcome:
    """The counter's last step; `logged` is what `giver` signed into the log of its own set.

    Raises BatchInvalid, SetChanged, PointInvalid, and what `cipher` raises for bytes that are no ciphertext.
    """
    sizes.check_padded(len(answered.own))
    made = answered.commitment(key, sender=giver)
    check_commitment(made, logged)
    key.check_same_set(giver, stage=_OWN, commitment=made)
    raised = key.raised(answered.own)
    key.commit(giver, stage=_OWN, commitment=made)
    tokens = set(answered.raised)
    if len(tokens) != len(answered.raised):
        raise BatchInvalid("expected each raised point once, got one twice")
    found = []
    for token, raw in zip(raised, answered.ciphertexts, strict=True):
        if token in tokens:
            # A point that stands twice would be counted twice.
            tokens.discard(token)
            found.append(cipher.from_bytes(raw))
    total = cipher.rerandomize(reduce(cipher.add, found)) if found else cipher.encrypt(0)
    return Outcome(len(found), cipher.to_bytes(total))


def _own(ids: Sequence[ResidentId], key: ScenarioKey) -> Points:
    if key.purpose is not Purpose.JOINED_SUM:
        raise ProtocolError("expected a key for a joined sum, got one of another purpose")
    if len(set(ids)) != len(ids):
        raise BatchInvalid("expected each person once, got one twice")
    return key.blinded(ids, dummies=sizes.padded(len(ids)) - len(ids))


def _commitment(points: Points, key: ScenarioKey, *, origin: str, stage: int) -> Commitment:
    return commitment(Label.JOINED_SUM_BATCH, points, sid=key.sid, origin=origin, stage=stage)
