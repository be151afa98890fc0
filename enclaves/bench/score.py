"""`domicile bench score`: a batch score through real confined workers, beside the plain computation on the same stores.

Clock A: scan → masked (or encrypted) contributions of all domains, at work side by side → bands at the gate. Clock B, apart:
sealing every slot and the tree over the sealed slots. Consent intake is before the clock. Signatures, log and transport are
not in it: they do not grow with the number of subjects beyond copying the vectors; `domicile demo` shows them.
"""

from __future__ import annotations

import hashlib
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from enclaves.bench import baselines
from enclaves.bench.domains import GRID, Domain, make_domains, run_id
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from enclaves.isolation.memory import MemoryWatch
from enclaves.protocols import bfv, ring, secagg
from enclaves.protocols.sealing import ScoreBinding, SealingKey, SlotSealer, slots_of
from enclaves.protocols.secagg import EphemeralKey, ReceiverKey, pair_key
from enclaves.worker.decrypt import order_frames
from enclaves.worker.order import Masks, ScoreOrder, chunks, pid_frames
from enclaves.worker.rows import SNAPSHOT_NAME
from policies import banding
from policies.documents.authorization import Mode
from policies.log.merkle import Frontier, leaf_hash

BANDS = 10
MEASURED = (Mode.MASKED, Mode.BFV)
"""Modes measured here; a row under encrypted weights is a figure of `enclaves.bench.paillier`."""
Bands = NDArray[np.int64]
Figure: TypeAlias = "str | int | float | dict[str, Figure] | None"


@dataclass(frozen=True, slots=True)
class Setting:
    """One bench: what runs, over how many, how often."""

    mode: Mode
    subjects: int
    domains: int
    rounds: int
    seed: int = 20261124


@dataclass(frozen=True, slots=True)
class Round:
    """One timed run."""

    seconds: float
    vector_bytes: int
    bands: Bands


def bench(setting: Setting, directory: Path, *, progress: Callable[[str], None]) -> dict[str, Figure]:
    """Run protected and plain alternately on the same stores; medians of `rounds`, and what they were measured against."""
    domains = make_domains(
        directory, domains=setting.domains, subjects=setting.subjects, seed=setting.seed, progress=progress
    )
    cut_points = _cut_points(domains)
    protected, plain = [], []
    with MemoryWatch() as memory:
        for number in range(setting.rounds):
            progress(f"round {number + 1} of {setting.rounds}")
            protected.append(_protected(setting, domains, cut_points))
            peak_protected = memory.peak_mb
            plain.append(baselines.plain(domains, cut_points))
    _check_equal(protected, [bands for bands, _ in plain])
    clock_a = statistics.median(run.seconds for run in protected)
    plain_seconds = statistics.median(seconds for _, seconds in plain)
    progress("sealing")
    return {
        "mode": setting.mode.value,
        "subjects": setting.subjects,
        "domains": setting.domains,
        "features": len(domains[0].part.features),
        "rounds": setting.rounds,
        "seconds": round(clock_a, 3),
        "subjects_per_second": round(setting.subjects / clock_a),
        "subjects_per_second_summed": round(setting.subjects * setting.domains / clock_a),
        "ratio_to_plain": round(clock_a / plain_seconds, 3),
        "bytes_per_subject_domain": round(protected[0].vector_bytes / setting.subjects / setting.domains, 2),
        "sealing_seconds": round(_sealing(protected[0].bands), 3),
        "peak_memory_mb": round(peak_protected, 1),
        "baseline": _baselines(setting, plain_seconds, clock_a),
    }


def _protected(setting: Setting, domains: Sequence[Domain], cut_points: Bands) -> Round:
    """Clock A: every domain's confined worker, then the gate's opening and banding."""
    run = run_id()
    keys = bfv.generate() if setting.mode is Mode.BFV else None
    context = None if keys is None else bytes(keys.public)
    ephemeral = {domain.party: EphemeralKey(secrets.token_bytes(32)) for domain in domains}
    receivers = {domain.party: secrets.token_bytes(32) for domain in domains}
    orders = [
        _order(
            setting,
            domain,
            receivers=receivers,
            pair_keys=_pair_keys(domain.party, ephemeral, run),
            context=context,
        )
        for domain in domains
    ]
    before = time.perf_counter()
    with ThreadPoolExecutor(len(domains)) as pool:
        vectors = list(pool.map(_contribute, domains, orders))
    if keys is None:
        totals = _unmasked(setting, domains, vectors=vectors, receivers=receivers)
    else:
        totals = _decrypted(setting, keys.secret, vectors)
    bands = banding.bands(totals, cut_points.tolist()).astype(np.int64)
    seconds = time.perf_counter() - before
    return Round(seconds, sum(len(vector) for of_domain in vectors for vector in of_domain), bands)


def _order(
    setting: Setting,
    domain: Domain,
    *,
    receivers: dict[str, bytes],
    pair_keys: dict[str, bytes],
    context: bytes | None,
) -> ScoreOrder:
    return ScoreOrder(
        permit=hashlib.sha256(b"bench").hexdigest(),
        snapshot_key=domain.store.snapshot_key(domain.part.dataset),
        part=domain.part,
        head=domain.head,
        grid=GRID,
        mode=setting.mode,
        masks=Masks(
            party=domain.party,
            pair_keys=pair_keys,
            receiver_key=receivers[domain.party] if setting.mode is Mode.MASKED else None,
            opening_key=secrets.token_bytes(32),
        ),
        slots=setting.subjects,
        context=context,
    )


def _pair_keys(party: str, ephemeral: dict[str, EphemeralKey], run: bytes) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for peer, key in ephemeral.items():
        if peer != party:
            low, high = sorted((party, peer))
            keys[peer] = pair_key(ephemeral[party], key.public, sid=run, low=low, high=high)
    return keys


def _contribute(domain: Domain, order: ScoreOrder) -> list[bytes]:
    """One confined worker from start to end; its vectors, as they would travel."""
    sizes = list(chunks(order.slots, mode=order.mode))

    def frames() -> Iterator[bytes]:
        yield from order.frames()
        yield from pid_frames(domain.pids, sizes=sizes)

    with (
        domain.store.lease(domain.part.dataset) as lease,
        run_confined(
            "enclaves.worker.score", frames(), files={SNAPSHOT_NAME: lease.path}, limits=_limits(order.slots)
        ) as run,
    ):
        results = list(run)
    return results[:-1]


def _unmasked(
    setting: Setting, domains: Sequence[Domain], *, vectors: list[list[bytes]], receivers: dict[str, bytes]
) -> Bands:
    totals = np.empty(setting.subjects, dtype=np.int64)
    keys = {party: ReceiverKey(key) for party, key in receivers.items()}
    for number, (start, count) in enumerate(chunks(setting.subjects, mode=setting.mode)):
        sent = {
            domain.party: ring.masked_from_wire(of_domain[number], slots=count)
            for domain, of_domain in zip(domains, vectors, strict=True)
        }
        totals[start : start + count] = ring.decode(secagg.open_sum(sent, receiver_keys=keys, start=start))
    return totals


def _decrypted(setting: Setting, secret: bytes, vectors: list[list[bytes]]) -> Bands:
    ciphertexts = (of_domain[number] for number in range(len(vectors[0])) for of_domain in vectors)
    frames = order_frames(secret, ciphertexts, parties=len(vectors), slots=setting.subjects)
    limits = _limits(setting.subjects * len(vectors))
    with run_confined("enclaves.worker.decrypt", frames, files={}, limits=limits) as run:
        return np.frombuffer(b"".join(run), dtype="<i8").astype(np.int64)


def _limits(slots: int) -> Limits:
    return Limits(
        address_space_bytes=8 << 30,
        cpu_seconds=600,
        wall_seconds=300.0,
        processes=128,
        input_bytes=(64 << 20) + 24 * (slots + 4096),
        output_bytes=(64 << 20) + 24 * slots,
    )


def _cut_points(domains: Sequence[Domain]) -> Bands:
    low, high = sum(domain.head.low for domain in domains), sum(domain.head.high for domain in domains)
    return np.linspace(low, high, BANDS + 1)[1:-1].astype(np.int64)


def _check_equal(protected: Sequence[Round], plain: Sequence[Bands]) -> None:
    """A figure of a wrong result is no figure."""
    expected = plain[0]
    for bands in (*(run.bands for run in protected), *plain):
        if not np.array_equal(bands, expected):
            raise ArithmeticError("expected the protected bands to equal the plain ones, got others")


def _sealing(bands: Bands) -> float:
    """Clock B: seconds to seal every slot and to build the tree over the sealed slots."""
    before = time.perf_counter()
    sealer = SlotSealer(SealingKey.generate().public, ScoreBinding(run_id(), "insurer", 2_000_000_000))
    sealed = sealer.seal_slots(bands.astype(np.uint8).tobytes(), start=0)
    Frontier().extend(leaf_hash(slot) for slot in slots_of(sealed)).root()
    return time.perf_counter() - before


def _baselines(setting: Setting, plain_seconds: float, clock_a: float) -> dict[str, Figure]:
    found: dict[str, Figure] = {
        "plain": "NumPy and DuckDB on the same encrypted stores, in one process",
        "plain_seconds": round(plain_seconds, 3),
        "plain_subjects_per_second": round(setting.subjects / plain_seconds),
    }
    if setting.mode is Mode.BFV:
        raw = baselines.raw_tenseal(setting.domains, setting.subjects)
        phe = baselines.raw_phe()
        summed = setting.subjects * setting.domains / clock_a
        found["raw_tenseal_seconds"] = round(raw, 3)
        found["ratio_to_raw_tenseal"] = round(clock_a / raw, 3)
        found["phe_encryptions_per_second"] = None if phe is None else round(phe, 1)
        found["speed_up_over_phe"] = None if phe is None else round(summed / phe)
    return found
