"""One party's whole step in a sum that survives dropout: keys, shares, masked vector, agreement, answer; timed apart.

Everything a party computes is in it, signatures and hashes of the vector too; transport, the session table and drawing noise
are not. The messages of the other parties are real and made beforehand, outside the clock.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.protocols import ring, sealing
from enclaves.protocols.recovery.dealing import Dealing
from enclaves.protocols.recovery.party import Means, Party
from enclaves.protocols.recovery.session import Session
from policies.keys import public_key

_ROUNDS: Final = 5
_BOUND: Final = 1 << 40
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PartyClock:
    """Seconds of one party, medians of `rounds`; `total` is the median of the whole step, not the sum of medians."""

    parties: int
    values: int
    rounds: int
    keys: float
    shares: float
    vector: float
    unmask: float
    total: float


class _Untold:
    """A session table that keeps nothing: its disk is not what is measured."""

    def move(self, sid: bytes, stage: str, /) -> None:
        return


def measure(parties: int, values: int, *, rounds: int = _ROUNDS) -> PartyClock:
    """The clock of one of `parties` (4..50) parties that adds a vector of `values` 64-bit values."""
    steps = [_one(parties, values) for _ in range(rounds)]
    keys, shares, vector, unmask = (statistics.median(step[at] for step in steps) for at in range(4))
    return PartyClock(
        parties=parties,
        values=values,
        rounds=rounds,
        keys=keys,
        shares=shares,
        vector=vector,
        unmask=unmask,
        total=statistics.median(sum(step) for step in steps),
    )


def _one(parties: int, values: int) -> tuple[float, float, float, float]:
    """Seconds for keys, shares, vector and unmasking of the first party in a session where all deliver."""
    roster = tuple(f"enclave-{number:02d}" for number in range(parties))
    session = Session(secrets.token_bytes(32), roster, values, _BOUND)
    signing = {name: Ed25519PrivateKey.generate() for name in roster}
    keys = {name: public_key(private) for name, private in signing.items()}
    gate_key = sealing.SealingKey.generate().public

    def seal(plain: bytes, info: bytes) -> bytes:
        return sealing.seal(gate_key, plain, info=info)

    seats = {
        name: Party(
            name, session, keys=keys, means=Means(secrets.token_bytes, signing[name].sign, seal, _Untold())
        )
        for name in roster
    }
    encoded = ring.encode(np.random.default_rng(1).integers(-_BOUND, _BOUND, values))
    own = seats.pop(roster[0])
    keys_s, bundle = _timed(own.publish)
    bundles = [bundle, *(seat.publish() for seat in seats.values())]
    deal_s, dealing = _timed(lambda: own.deal(bundles))
    dealings = [dealing, *(seat.deal(bundles) for seat in seats.values())]
    transcripts = [dealt.transcript for dealt in dealings]
    accept_s, _ = _timed(lambda: own.accept(transcripts, _sealed_to(roster[0], dealings)))
    vector_s, _ = _timed(lambda: own.contribute(encoded))
    agree_s, agreement = _timed(lambda: own.agree(roster))
    for name, seat in seats.items():
        seat.accept(transcripts, _sealed_to(name, dealings))
        seat.contribute(encoded)
    agreements = [agreement, *(seat.agree(roster) for seat in seats.values())]
    unmask_s, _ = _timed(lambda: own.unmask(agreements))
    return keys_s, deal_s + accept_s, vector_s, agree_s + unmask_s


def _sealed_to(name: str, dealings: list[Dealing]) -> dict[str, bytes]:
    return {dealt.party: dealt.sealed[name] for dealt in dealings if dealt.party != name}


def _timed(step: Callable[[], _T]) -> tuple[float, _T]:
    before = time.perf_counter()
    made = step()
    return time.perf_counter() - before, made
