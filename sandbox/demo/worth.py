"""What the scores were good for: spending by band, from the insurer's own file of the following year.

The file never went near an enclave; the insurer joins it with the bands of its own applicants.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from policies.resident import ResidentId
from sandbox.client.insurer import Score


@dataclass(frozen=True, slots=True)
class BandWorth:
    """A band, its people, and their mean spending in the following year (US dollars of the 1970s, as in RAND)."""

    band: int
    persons: int
    mean_spending: float


@dataclass(frozen=True, slots=True)
class Worth:
    """Bands in ascending order and the lift of the top one over all who were scored."""

    bands: tuple[BandWorth, ...]
    top_band_lift: float


def assess(scores: Sequence[Score], persons: Mapping[str, ResidentId], next_year: Path) -> Worth:
    """Mean spending by band; `persons` maps consent ids to the insurer's own applicants."""
    spending = _spending(next_year)
    by_band: dict[int, list[float]] = defaultdict(list)
    for score in scores:
        by_band[score.band].append(spending[persons[score.consent].text])
    every = [amount for amounts in by_band.values() for amount in amounts]
    bands = tuple(
        BandWorth(band, len(amounts), sum(amounts) / len(amounts))
        for band, amounts in sorted(by_band.items())
    )
    return Worth(bands, bands[-1].mean_spending / (sum(every) / len(every)))


def _spending(next_year: Path) -> dict[str, float]:
    with next_year.open(newline="") as file:
        return {row["person"]: float(row["spending"]) for row in csv.DictReader(file)}
