"""The district of `district` with mode paillier: a hidden model, the gate's key, the examiner's ciphertexts, an authorization.

The key is the committed one of the room's tests, given to the gate in place of a drawn one; its proof is real.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from enclaves.protocols.paillier import keys
from enclaves.protocols.paillier.encrypting import Encrypted, encrypt_linear
from enclaves.protocols.paillier.modulus_proof import receive_key
from enclaves.run.encryption import modulus_context, modulus_of
from policies import fixed_point
from policies.documents.authorization import Authorization, Mode
from policies.documents.document import Document
from policies.documents.encrypted import Encryption, PaillierKey, WeightsCitation
from policies.documents.model import Feature, LatestRow, LinearPart, PartHead, Transform
from policies.documents.vetting import VettingReport
from tests.enclaves.agent.district import NAMES, District, found
from tests.enclaves.agent.relay import Line
from tests.enclaves.protocols.paillier.kit import full
from tests.enclaves.worker.domain import Row

D = TypeVar("D", bound=Document)
BLIND = "5e" * 32
EVERYBODY = ("agency", "operator", "partner")


def hidden_part(department: str, *, whole_points: bool = False, blind: str | None = BLIND) -> LinearPart:
    """A part whose sum stays within -60..60 by itself; in whole points, every weight a multiple of the grid 0.05."""
    amount = Feature(
        column="amount", transform=Transform.LOG1P, weight="0.25", low="0", high="4000", fill="700"
    )
    visits = Feature(column="visits", weight="-0.121", low="1", high="20", fill="3")
    if whole_points:
        visits = Feature(column="visits", weight="-0.1", low="1", high="20", fill="3")
    sex = Feature(
        column="sex", transform=Transform.EQUALS, equals="F", weight="0.9", low="0", high="1", fill="0.5"
    )
    return LinearPart(
        id=f"part-{department}",
        department=department,
        dataset=f"{department}-rows",
        row=LatestRow(up_to=2024),
        features=(visits, sex) if whole_points else (amount, visits, sex),
        blind=blind,
    )


def head_of(part: LinearPart) -> PartHead:
    return PartHead(
        department=part.department, dataset=part.dataset, digest=part.digest, default=7, low=-60, high=60
    )


def encrypted_district(
    directory: Path, names: tuple[str, ...] = NAMES, *, whole_points: bool = False
) -> District:
    """A district whose scenario, model and authorization are for mode paillier; parts go to no department."""
    district = found(directory, names)
    parts = {name: hidden_part(name, whole_points=whole_points) for name in names}
    scenario = _changed(district.scenario, "scenario-p", modes=(Mode.MASKED, Mode.PAILLIER), supersedes=None)
    district.post(scenario, *names, *EVERYBODY)
    district.scenario = scenario
    model = _changed(
        district.model,
        "model-p",
        scenario=scenario.digest,
        parts=tuple(head_of(part) for part in parts.values()),
    )
    district.post(model, "partner")
    district.model = model
    district.encryption = cite(district, key_of(district), encrypt(district, parts))
    district.authorization = authorized(district)
    return district


def key_of(district: District, sender: str = "examiner") -> PaillierKey:
    """The gate's key for the model, asked for by the examiner."""
    with patch.object(keys, "generate", full):
        district.relay.mail("gate", "paillier-key-request", {"model": district.model.digest}, sender=sender)
        district.pump()
    read = [
        PaillierKey.read(envelope)
        for envelope in district.relay.documents.values()
        if envelope.kind == "paillier-key"
    ]
    return next(key for key in read if key.model == district.model.digest)


def encrypt(district: District, parts: dict[str, LinearPart]) -> list[Encrypted]:
    """What the examiner makes of the parts, after it has verified the modulus; not posted yet."""
    key = key_of(district)
    context = modulus_context(gate=key.gate, scenario=key.scenario, model=key.model)
    proof = Line(district.relay, "examiner").get_attachment(key.proof)
    public = receive_key(modulus_of(key), proof, context=context)
    return [
        encrypt_linear(part, model=district.model, key=key, public=public, examiner="examiner")
        for part in parts.values()
    ]


def cite(
    district: District, key: PaillierKey, made: list[Encrypted], *, signer: str = "examiner"
) -> Encryption:
    """Post the documents and put the ciphertexts; what a job cites."""
    for item in made:
        district.post(item.weights, signer)
        enclave = f"enclave-{item.weights.department}"
        Line(district.relay, signer).put_attachment(item.ciphertexts, audience=(enclave,))
    return Encryption(
        key=key.digest,
        weights=tuple(
            WeightsCitation(department=item.weights.department, digest=item.weights.digest) for item in made
        ),
    )


def authorized(district: District, **changes: object) -> Authorization:
    """An authorization of the district's model and encryption, signed by all."""
    report = VettingReport.read(district.relay.documents[str(district.authorization.vetting_report)])
    about = _changed(report, "report-p", scenario=district.scenario.digest, model=district.model.digest)
    district.post(about, "examiner")
    members = {
        "scenario": district.scenario.digest,
        "model": district.model.digest,
        "vetting_report": about.digest,
        "modes": (Mode.MASKED, Mode.PAILLIER),
        "encryption": district.encryption,
        **changes,
    }
    authorization = _changed(district.authorization, "authorization-p", **members)
    district.post(authorization, *district.domains, *EVERYBODY)
    return authorization


def reference_band(district: District, person: str) -> int:
    """One person's band in plain Python, by the fixed-point rule: one rounding at the end."""
    total = 0
    for name, domain in district.domains.items():
        head = district.model.part(name)
        assert head is not None
        part = next(
            p for p in (hidden_part(name), hidden_part(name, whole_points=True)) if p.digest == head.digest
        )
        total += reference_partial(person, domain.held, part, head, grid=district.model.grid)
    units = district.model.intercept + round_half_even(total)
    return sum(cut <= units for cut in district.model.cut_points)


def reference_partial(person: str, held: list[Row], part: LinearPart, head: PartHead, *, grid: str) -> int:
    """One domain's partial times 2^30, by integers alone."""
    whole = fixed_point.whole(part, head, grid=grid)
    up_to = part.row.up_to if part.row else 9999
    own = [row for row in held if row.person == person and row.year <= up_to]
    if not own:
        return whole.intercept
    values = transformed(max(own, key=lambda row: row.year), part)
    present, *weights = whole.weights
    total = whole.intercept + fixed_point.PRESENT * present
    for weight, value, steps in zip(weights, values, whole.features, strict=True):
        step = min(max(round(value * 2.0**steps.shift), steps.first), steps.last)
        total += weight * (step - steps.first)
    return total


def transformed(row: Row, part: LinearPart) -> list[float]:
    values = []
    for feature in part.features:
        value = getattr(row, feature.column)
        if feature.equals is not None and value is not None:
            value = 1.0 if value == feature.equals else 0.0
        number = float(feature.fill) if value is None else float(value)
        number = min(max(number, float(feature.low)), float(feature.high))
        values.append(math.log1p(number) if feature.transform is Transform.LOG1P else number)
    return values


def round_half_even(total: int) -> int:
    return round(Fraction(total, 1 << fixed_point.FRACTION_BITS))


def _changed(document: D, name: str, **changes: object) -> D:
    return document.model_copy(update={"id": name, **changes})
