"""What the attacks on vetting share: a domain of invented people, a partner that submits, and a best guess from what it gets.

A partner is given the most it could have: a reader who knows for every output which value is the most frequent behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from enclaves.model.column import Column
from enclaves.model.partial import grid_units
from enclaves.vetting.bundle import Bundle
from enclaves.vetting.local import vet
from enclaves.worker.vector import evaluator
from policies import banding
from policies.documents.model import Feature, LinearPart, Model, PartHead
from policies.documents.vetting import Verdict
from policies.sql.data_list import DataList
from policies.vetting import verdict

PERSON = {"name": "person", "type": "VARCHAR", "uses": ["person"]}


@dataclass(frozen=True, slots=True)
class Domain:
    """One department's people: integer columns of equal length, all of them listed as features."""

    columns: Mapping[str, NDArray[np.int64]]

    @property
    def people(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def table(self) -> pa.Table:
        return pa.table({name: pa.array(values) for name, values in self.columns.items()})

    @property
    def listed(self) -> DataList:
        import json

        features = [
            {"name": name, "type": "INTEGER", "uses": ["feature"], "bounds": [int(v.min()), int(v.max())]}
            for name, v in self.columns.items()
        ]
        table = {"name": "facts", "domain": "d00", "person_key": "person", "rows": self.people}
        return DataList.read(json.dumps({"tables": [{**table, "columns": [PERSON, *features]}]}).encode())


def linear(
    domain: Domain, weights: Mapping[str, str], *, columns: Mapping[str, str] | None = None
) -> LinearPart:
    """Weights by feature; `columns` gives the column of features that are named otherwise."""
    features = []
    for name, weight in weights.items():
        column = (columns or {}).get(name, name)
        values = domain.columns[column]
        features.append(
            Feature(
                column=column,
                weight=weight,
                low=str(values.min()),
                high=str(values.max()),
                fill=str(values.min()),
            )
        )
    return LinearPart(id="part", department="d00", dataset="facts", features=tuple(features))


def headed(bundle: Bundle, *, low: int, high: int, cuts: Sequence[int]) -> Bundle:
    """The bundle with a head whose grid is 1."""
    (part,) = bundle.parts
    head = PartHead(department="d00", dataset="facts", digest=part.digest, default=low, low=low, high=high)
    model = Model(
        id="m",
        version=1,
        partner="partner",
        scenario="0" * 64,
        title={"zh": "模型", "en": "model"},  # type: ignore[arg-type]  # read as documents are
        grid="1",
        intercept=0,
        cut_points=tuple(cuts),
        parts=(head,),
    )
    return Bundle(bundle.parts, bundle.graphs, model)


def raw(bundle: Bundle, domain: Domain) -> NDArray[np.int64]:
    """The score nobody banded, in grid units where there is a head: what a naive platform hands over."""
    (part,) = bundle.parts
    columns = {
        name: Column(values.astype(np.float64), np.zeros(domain.people, dtype=np.bool_))
        for name, values in domain.columns.items()
    }
    partials = evaluator(part, bundle.graphs.get("d00"))(columns, domain.people)
    if bundle.head is None:
        return np.rint(partials).astype(np.int64)
    known = np.ones(domain.people, dtype=np.bool_)
    return grid_units(partials, known, head=bundle.head.parts[0], grid=float(bundle.head.grid))


def checks(bundle: Bundle, domain: Domain) -> dict[str, Verdict]:
    """The verdict of each check on the domain's own rows, and of all."""
    _, found = vet(bundle, domain.listed, domain.table, bands=20)
    return {check.check: check.verdict for check in found} | {"all": verdict(found)}


def released(bundle: Bundle, domain: Domain) -> NDArray[np.uint8] | None:
    """What a partner gets of everybody: a band, unless vetting rejects; the examiner grants whatever may be overridden."""
    if checks(bundle, domain)["all"] is Verdict.REJECT or bundle.head is None:
        return None
    return banding.bands(raw(bundle, domain) + bundle.head.intercept, bundle.head.cut_points)


def guessed(observed: NDArray[Any] | None, secret: NDArray[np.int64]) -> float:
    """Share of people whose secret the best guess from the output gets right; without output, the most frequent value."""
    if observed is None:
        return baseline(secret)
    _, outputs = np.unique(observed, return_inverse=True)
    _, values = np.unique(secret, return_inverse=True)
    joint, counts = np.unique(outputs.astype(np.int64) * (values.max() + 1) + values, return_counts=True)
    best = np.zeros(outputs.max() + 1, dtype=np.int64)
    np.maximum.at(best, joint // (values.max() + 1), counts)
    return float(best.sum() / len(secret))


def baseline(secret: NDArray[np.int64]) -> float:
    """Always guessing the most frequent value."""
    return float(np.unique(secret, return_counts=True)[1].max() / len(secret))
