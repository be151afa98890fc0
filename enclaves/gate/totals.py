"""The only place where a sum is unmasked or decrypted: totals of all slots, chunk after chunk.

Rules:
1. masked: the vectors are added and the receiver masks taken off; pair masks cancel over the full roster or nothing opens,
   unless the run recovers (`recovering`).
   bfv, paillier: foreign ciphertexts go to a confined child, after the signatures over them and their digests were checked;
   it adds and decrypts, and in mode paillier rounds to grid units (`policies.fixed_point`).
2. Every total, with the intercept, lies in the range of the model's head, slots outside the effective set included;
   anything else (a missing or altered vector leaves uniform noise) refuses the whole run.
3. Memory is bounded by one chunk of each enclave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.gate.house import House
from enclaves.gate.recovering import open_over_survivors, vector
from enclaves.gate.verifying import Verified, receiver_keys
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from enclaves.protocols import ring, secagg
from enclaves.protocols.errors import ProtocolError
from enclaves.run.errors import RunRefused
from enclaves.worker.decrypt import order_frames
from enclaves.worker.order import chunks
from policies.documents.authorization import Mode
from policies.documents.job import Plan
from policies.documents.model import Model

Totals = NDArray[np.int64]


def opened(house: House, verified: Verified) -> Iterator[Totals]:
    """The totals with the intercept, one array per chunk, in slot order. Raises RunRefused, ProtocolError."""
    model = verified.papers.model
    for totals in _SUMS[verified.papers.plan.mode](house, verified):
        yield _checked(totals + model.intercept, model)


def _unmasked(house: House, verified: Verified) -> Iterator[Totals]:
    ring.check_headroom(1, _bound(verified.papers.model))
    yield from unmasked(house, verified)


def _bound(model: Model) -> int:
    return sum(max(abs(part.low), abs(part.high)) for part in model.parts)


def unmasked(house: House, verified: Verified) -> Iterator[Totals]:
    """The sums of the masked vectors, chunk after chunk, as they are: no model's range, no intercept.

    A run that recovers comes whole, as one chunk (`recovering`).
    """
    plan = verified.papers.plan
    if verified.relayed is not None:
        yield ring.decode(
            open_over_survivors(house, verified.papers, verified.relayed, verified.contributions)
        )
        return
    keys = receiver_keys(house, verified)
    for number, (start, count) in enumerate(chunks(plan.slots, mode=plan.mode)):
        vectors = {
            contribution.enclave: ring.masked_from_wire(
                vector(house, contribution.vectors[number]), slots=count
            )
            for contribution in verified.contributions
        }
        yield ring.decode(secagg.open_sum(vectors, receiver_keys=keys, start=start))


def _decrypted(house: House, verified: Verified) -> Iterator[Totals]:
    # TenSEAL's room also names the modulus.
    from enclaves.protocols import bfv

    ring.check_headroom(1, _bound(verified.papers.model), modulus=bfv.MODULUS)
    plan, parties = verified.papers.plan, len(verified.contributions)
    secret = house.he_keys.spend(plan.job, plan.attempt, plan.he_key)
    frames = order_frames(secret, _vectors(house, verified), parties=parties, slots=plan.slots)
    yield from _child("enclaves.worker.decrypt", frames, plan, limits=_limits(plan.slots, parties))


def _opened_encrypted(house: House, verified: Verified) -> Iterator[Totals]:
    # gmpy2 is loaded only by a gate that serves `paillier`. Capacity is checked on what the examiner declared.
    from enclaves.protocols.paillier.declared import capacity_of
    from enclaves.worker import open_encrypted

    plan, parties = verified.papers.plan, len(verified.contributions)
    work = verified.papers.encrypted
    bound = capacity_of(work.weights)
    secret = house.paillier_keys.secret(work.key)
    frames = open_encrypted.order_frames(
        secret, _vectors(house, verified), parties=parties, slots=plan.slots, bound=bound
    )
    limits = _encrypted_limits(plan.slots, parties)
    yield from _child("enclaves.worker.open_encrypted", frames, plan, limits=limits)


def _vectors(house: House, verified: Verified) -> Iterator[bytes]:
    """Chunk after chunk, every contribution's vector; none reaches a parser whose digest is not the signed one."""
    for number, _ in enumerate(chunks(verified.papers.plan.slots, mode=verified.papers.plan.mode)):
        for contribution in verified.contributions:
            yield vector(house, contribution.vectors[number])


def _child(target: str, frames: Iterator[bytes], plan: Plan, *, limits: Limits) -> Iterator[Totals]:
    """The totals that a confined child emits, one frame a chunk."""
    with run_confined(target, frames, files={}, limits=limits) as run:
        for _, count in chunks(plan.slots, mode=plan.mode):
            data = next(run, b"")
            if len(data) != 8 * count:
                raise RunRefused("worker_output_refused", f"expected {count} totals, got {len(data)} bytes")
            yield np.frombuffer(data, dtype="<i8").astype(np.int64)
        if next(run, None) is not None:
            raise RunRefused("worker_output_refused", "expected nothing behind the totals, got more")


def _limits(slots: int, parties: int) -> Limits:
    return Limits(
        address_space_bytes=8 << 30,
        cpu_seconds=1200,
        wall_seconds=600.0,
        processes=128,
        input_bytes=(64 << 20) + 24 * (slots + 4096) * parties,
        output_bytes=(64 << 20) + 8 * slots,
    )


def _encrypted_limits(slots: int, parties: int) -> Limits:
    seconds = 120 + slots // 10
    return Limits(
        address_space_bytes=8 << 30,
        cpu_seconds=2 * seconds,
        wall_seconds=float(seconds),
        processes=128,
        input_bytes=(64 << 20) + 768 * slots * parties,
        output_bytes=(64 << 20) + 8 * slots,
    )


def _checked(totals: Totals, model: Model) -> Totals:
    if not (model.low <= int(totals.min()) and int(totals.max()) <= model.high):
        raise ProtocolError("expected totals in the range of the model, got one outside")
    return totals


_SUMS: Final[Mapping[Mode, Callable[[House, Verified], Iterator[Totals]]]] = MappingProxyType(
    {Mode.MASKED: _unmasked, Mode.BFV: _decrypted, Mode.PAILLIER: _opened_encrypted}
)
