"""A model as files on this machine: a head with its parts and graphs, one part, or one ONNX file.

A part by itself is judged as a whole model: its head is made from it, with a grid of which about 2,000 steps span the
partial and cut points at the quantiles of the twin. An ONNX file by itself takes the list's numeric feature columns as its
inputs, in the order of the list, unless they are named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.model.errors import ModelError
from policies.documents.fields import Bilingual
from policies.documents.model import (
    GridUnits,
    LinearPart,
    Model,
    OnnxInput,
    OnnxPart,
    Part,
    PartHead,
    Transform,
)
from policies.documents.strict_json import parse_object

_STEPS: Final = 2000
# Parts of a model that is a partner's draft have no scenario yet.
_NO_SCENARIO: Final = "0" * 64


class BundleInvalid(ModelError):
    """Files that do not make a model together."""

    code = "malformed"


@dataclass(frozen=True, slots=True)
class Bundle:
    """All parts in department order, the graphs of ONNX parts by department, and the head where there is one."""

    parts: tuple[Part, ...]
    graphs: Mapping[str, bytes]
    head: Model | None

    def __post_init__(self) -> None:
        for part in self.parts:
            graph = self.graphs.get(part.department)
            if isinstance(part, OnnxPart) != (graph is not None):
                raise BundleInvalid(f"expected a graph exactly with an ONNX part of `{part.department}`")
            if isinstance(part, OnnxPart) and hashlib.sha256(graph or b"").hexdigest() != part.graph:
                raise BundleInvalid(
                    f"expected the graph that the part of `{part.department}` names, got another"
                )
        if self.head is None and len(self.parts) != 1:
            raise BundleInvalid("expected a head with several parts, got none")
        if self.head is not None and [p.digest for p in self.parts] != [p.digest for p in self.head.parts]:
            raise BundleInvalid("expected the parts that the head names, got others")


def read_bundle(model: bytes, parts: Sequence[bytes], graphs: Mapping[str, bytes]) -> Bundle:
    """A head or a part in JSON with what belongs to it. Raises PolicyError or BundleInvalid."""
    body = parse_object(model)
    if "form" in body:
        if parts:
            raise BundleInvalid("expected a head with further parts, got a part")
        return Bundle((read_part(model),), graphs, None)
    found = sorted((read_part(data) for data in parts), key=lambda part: part.department)
    return Bundle(tuple(found), graphs, Model.from_body(body))


def read_part(data: bytes) -> Part:
    body = parse_object(data)
    return (OnnxPart if body.get("form") == "onnx" else LinearPart).from_body(body)


def onnx_bundle(graph: bytes, inputs: Sequence[OnnxInput], *, department: str, dataset: str) -> Bundle:
    """A graph by itself."""
    part = OnnxPart(
        id="part",
        department=department,
        dataset=dataset,
        inputs=tuple(inputs),
        graph=hashlib.sha256(graph).hexdigest(),
    )
    return Bundle((part,), {department: graph}, None)


def head_of(part: Part, partials: NDArray[np.float64], *, bands: int) -> Model:
    """A head for a part by itself, from its partials on the twin."""
    low, high = _range(part, partials)
    grid = Decimal(f"{max(high - low, 1e-9) / _STEPS:.2e}")
    units = np.clip(np.rint(partials / float(grid)), -(2**16), 2**16)
    ends = (int(np.floor(low / float(grid))) - 1, int(np.ceil(high / float(grid))) + 1)
    bottom, top = min(ends[0], int(units.min())), max(ends[1], int(units.max()))
    cuts: list[GridUnits] = sorted(
        {int(cut) for cut in np.quantile(units, np.arange(1, bands) / bands)} - {bottom}
    )
    head = PartHead(
        department=part.department,
        dataset=part.dataset,
        digest=part.digest,
        default=int(np.median(units)),
        low=bottom,
        high=top,
    )
    return Model(
        id="draft",
        version=1,
        partner="partner",
        scenario=_NO_SCENARIO,
        title=Bilingual(zh="草稿", en="draft"),
        grid=f"{grid:f}",
        intercept=0,
        cut_points=tuple(cuts or [bottom + 1]),
        parts=(head,),
    )


def _range(part: Part, partials: NDArray[np.float64]) -> tuple[float, float]:
    """Between which values a linear part lies; what was seen of a graph."""
    if not isinstance(part, LinearPart):
        return float(partials.min()), float(partials.max())
    low = high = 0.0
    for feature in part.features:
        ends = [float(feature.low), float(feature.high)]
        if feature.transform is Transform.LOG1P:
            ends = [float(np.log1p(end)) for end in ends]
        swing = sorted(float(feature.weight) * end for end in ends)
        low, high = low + swing[0], high + swing[1]
    return low, high
