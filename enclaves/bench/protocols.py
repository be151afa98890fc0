"""`domicile bench protocols`: what computing without seeing costs, each figure beside its peer in the same run.

One party's step of a secure sum beside Flower's SecAgg+ client; BFV beside TenSEAL in a plain loop; encrypted weights and
packed scores beside phe as shipped; alignment by pseudonyms beside openmined-psi. Flower and openmined-psi need other
versions of what the project pins, so they answer from an interpreter of their own; without one their figures are null and say
why. What each clock holds is said in words in the result (`MEANING`). Whether a target is reached is part of it, never a test.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from enclaves.bench import aggregation, alignment, encrypting, paillier
from enclaves.bench.machine import machine
from enclaves.bench.peer import PeerUnavailable, run_peer
from enclaves.bench.score import Figure

PARTY_MS: Final = 60.0
RAW_RATIO: Final = 1.2
BYTES_EACH: Final = 24.0
WEIGHTED_PER_SECOND: Final = 150.0
PACKED_PER_SECOND: Final = 20_000.0
OVER_PHE: Final = 20.0
ALIGNED_PER_SECOND: Final = 10_000.0
OVER_PSI: Final = 3.0

MEANING: Final[dict[str, Figure]] = {
    "aggregation": "all that one party computes in a sum that survives dropout: keys, shares, masked vector, agreement, answer",
    "aggregation.peer": "Flower's `_collect_masked_vectors` alone: quantizing and masking, no keys and shares",
    "bfv": "encrypt, add, decrypt in this process; the peer is TenSEAL in a loop that checks nothing",
    "paillier": "3072-bit keys, one core; rows of 20 features of 16 bits under encrypted weights; scores packed 47 in one",
    "paillier.peer": "phe's own objects on the same rows and scores",
    "alignment": "ids a second on one core that a department keeps up with in both of its steps",
    "alignment.peer": "openmined-psi: items of one side by the seconds of the whole intersection, both sides in one process",
}

ELSEWHERE: Final[dict[str, Figure]] = {
    "score in mode masked and plain": "domicile bench score --mode masked --subjects 3000000 --domains 3 --json",
    "score in mode bfv, raw TenSEAL and phe": "domicile bench score --mode bfv --subjects 3000000 --domains 3 --json",
    "growth from 100,000 to 10,000,000 subjects, flat memory at 3,000,000, one and two workers": "domicile bench scale --json",
    "governed SQL, gate, decision, atom rule": "domicile bench policy --json",
}
"""Figures that need stores of people, and the command that gives each."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How large; `peers` is the interpreter that has the peers installed."""

    parties: int = 10
    values: int = 1_000_000
    subjects: int = 300_000
    ids: int = 10_000
    rows: int = 100
    scores: int = 2_350
    repeats: int = 5
    peers: Path | None = None


def bench(setting: Setting, *, progress: Callable[[str], None]) -> dict[str, Figure]:
    """All figures. Raises ArithmeticError or RuntimeError where a measured result is not the exact one."""
    found: dict[str, Figure] = {"machine": machine(), "repeats": setting.repeats}
    for name, figure in (
        ("aggregation", _aggregation),
        ("bfv", _bfv),
        ("alignment", _alignment),
        ("paillier", _paillier),
    ):
        progress(name)
        found[name] = figure(setting)
    return {**found, "load_after": round(os.getloadavg()[0], 2), "meaning": MEANING, "elsewhere": ELSEWHERE}


def _aggregation(setting: Setting) -> Figure:
    clock = aggregation.measure(setting.parties, setting.values, rounds=setting.repeats)
    peer = _peer(setting, "flower_step.py", setting.parties, setting.values, setting.repeats)
    ms = clock.total * 1000
    return {
        "parties": clock.parties,
        "values": clock.values,
        "ms": round(ms, 1),
        "of_which_ms": {
            name: round(1000 * seconds, 2)
            for name, seconds in asdict(clock).items()
            if name in {"keys", "shares", "vector", "unmask"}
        },
        "peer_ms": None if peer.seconds is None else round(1000 * peer.seconds, 1),
        "times_faster": None if peer.seconds is None else round(peer.seconds / clock.total, 2),
        "peer_missing": peer.missing,
        "target": f"at most {PARTY_MS:.0f} ms a party at 10 parties and 1,000,000 values",
        "reached": ms <= PARTY_MS,
    }


def _bfv(setting: Setting) -> Figure:
    clock = encrypting.measure(3, setting.subjects, rounds=setting.repeats)
    ratio = clock.seconds / clock.raw_seconds
    return {
        "domains": clock.domains,
        "subjects": clock.subjects,
        "seconds": round(clock.seconds, 3),
        "raw_seconds": round(clock.raw_seconds, 3),
        "ratio_to_raw": round(ratio, 2),
        "bytes_each": round(clock.bytes_each, 2),
        "target": f"at most {RAW_RATIO} x the raw loop, at most {BYTES_EACH:.0f} bytes a subject and domain",
        "reached": ratio <= RAW_RATIO and clock.bytes_each <= BYTES_EACH,
    }


def _alignment(setting: Setting) -> Figure:
    rates = alignment.measure(setting.ids, repeats=setting.repeats)
    answered = _peer(setting, "psi.py", setting.ids, setting.repeats)
    peer = None if answered.seconds is None else setting.ids / answered.seconds
    return {
        "ids": rates.ids,
        "ids_per_second": round(rates.pipeline),
        "of_which": {
            name: round(rate) for name, rate in asdict(rates).items() if name not in {"ids", "pipeline"}
        },
        "peer_per_second": None if peer is None else round(peer),
        "times_faster": None if peer is None else round(rates.pipeline / peer, 2),
        "peer_missing": answered.missing,
        "target": f"at least {ALIGNED_PER_SECOND:,.0f} a second and core, {OVER_PSI:.0f} times openmined-psi",
        "reached": rates.pipeline >= ALIGNED_PER_SECOND
        and (peer is None or rates.pipeline >= OVER_PSI * peer),
    }


def _paillier(setting: Setting) -> Figure:
    found = paillier.measure(rows=setting.rows, scores=setting.scores)
    return {
        **found,
        "target": f"at least {WEIGHTED_PER_SECOND:.0f} rows and {PACKED_PER_SECOND:,.0f} packed scores a second and core,"
        f" {OVER_PHE:.0f} times phe",
        "reached": found["paillier_rows_per_second"] >= WEIGHTED_PER_SECOND
        and found["packed_scores_per_second"] >= PACKED_PER_SECOND
        and min(found["paillier_rows_over_phe"], found["packed_scores_over_phe"]) >= OVER_PHE,
    }


@dataclass(frozen=True, slots=True)
class _Peer:
    """Seconds that a peer took, or why there are none."""

    seconds: float | None
    missing: str | None


def _peer(setting: Setting, script: str, *sizes: int) -> _Peer:
    if setting.peers is None:
        return _Peer(None, "no interpreter with the peers was named")
    try:
        return _Peer(run_peer(setting.peers, script, *sizes)["seconds"], None)
    except PeerUnavailable as error:
        return _Peer(None, str(error))
