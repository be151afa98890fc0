"""The only place where a sum is unmasked or decrypted: totals of all slots, chunk after chunk.

Rules:
1. masked: the vectors are added and the receiver masks taken off; pair masks cancel over the full roster or nothing opens.
   bfv: foreign ciphertexts go to a confined child, after the signatures over them were checked; it adds and decrypts.
2. Every total, with the intercept, lies in the range of the model's head, slots outside the effective set included;
   anything else (a missing or altered vector leaves uniform noise) refuses the whole run.
3. Memory is bounded by one chunk of each enclave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from enclaves.gate.house import House
from enclaves.gate.verifying import Verified, receiver_keys
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from enclaves.protocols import ring, secagg
from enclaves.protocols.errors import ProtocolError
from enclaves.run.errors import RunRefused
from enclaves.worker.decrypt import order_frames
from enclaves.worker.order import chunks
from policies.documents.authorization import Mode
from policies.documents.model import Model

Totals = NDArray[np.int64]


def opened(house: House, verified: Verified) -> Iterator[Totals]:
    """The totals with the intercept, one array per chunk, in slot order. Raises RunRefused, ProtocolError."""
    model = verified.papers.model
    bound = sum(max(abs(part.low), abs(part.high)) for part in model.parts)
    if verified.papers.plan.mode is Mode.BFV:
        # TenSEAL's room also names the modulus.
        from enclaves.protocols import bfv

        ring.check_headroom(1, bound, modulus=bfv.MODULUS)
        sums = _decrypted(house, verified)
    else:
        ring.check_headroom(1, bound)
        sums = unmasked(house, verified)
    for totals in sums:
        yield _checked(totals + model.intercept, model)


def unmasked(house: House, verified: Verified) -> Iterator[Totals]:
    """The sums of the masked vectors, chunk after chunk, as they are: no model's range, no intercept."""
    plan = verified.papers.plan
    keys = receiver_keys(house, verified)
    for number, (start, count) in enumerate(chunks(plan.slots, mode=plan.mode)):
        vectors = {
            contribution.enclave: ring.masked_from_wire(
                _vector(house, contribution.vectors[number]), slots=count
            )
            for contribution in verified.contributions
        }
        yield ring.decode(secagg.open_sum(vectors, receiver_keys=keys, start=start))


def _decrypted(house: House, verified: Verified) -> Iterator[Totals]:
    plan, parties = verified.papers.plan, len(verified.contributions)
    slots, sizes = plan.slots, list(chunks(plan.slots, mode=plan.mode))
    secret = house.he_keys.spend(plan.job, plan.attempt, plan.he_key)

    def ciphertexts() -> Iterator[bytes]:
        for number in range(len(sizes)):
            for contribution in verified.contributions:
                yield _vector(house, contribution.vectors[number])

    frames = order_frames(secret, ciphertexts(), parties=parties, slots=slots)
    with run_confined("enclaves.worker.decrypt", frames, files={}, limits=_limits(slots, parties)) as run:
        for _, count in sizes:
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


def _vector(house: House, sha256: str) -> bytes:
    """A vector whose digest the enclave signed."""
    data = house.wire.get_attachment(sha256)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise RunRefused("vector_mismatch", "expected the vector that was signed, got another")
    return data


def _checked(totals: Totals, model: Model) -> Totals:
    if not (model.low <= int(totals.min()) and int(totals.max()) <= model.high):
        raise ProtocolError("expected totals in the range of the model, got one outside")
    return totals
