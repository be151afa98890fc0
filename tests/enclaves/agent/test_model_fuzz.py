"""Mutated models from a hostile partner: what an enclave keeps as its part is one, and it computes or is refused.

A head, a part and a graph as the partner sends them: the head posted and signed, the rest sealed and mailed to the real agent.
The partner has its key and knows every public one, so its mutants are signed and sealed as they should be, most of them.
`make long` sends 20,000; `DOMICILE_FUZZ_MODELS=2:4` takes only those slices.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enclaves.errors import EnclaveError
from enclaves.model.column import Column
from enclaves.model.errors import ModelError
from enclaves.protocols.sealing import seal
from enclaves.transport.sealed_mail import graph_info, part_info
from enclaves.vetting.bundle import read_bundle
from enclaves.vetting.local import Draw, vet
from enclaves.worker.vector import evaluator
from policies.documents import strict_json
from policies.documents.envelope import Envelope, media_type
from policies.documents.model import LinearPart, Model, OnnxInput, OnnxPart
from policies.errors import PolicyError
from policies.sql.data_list import DataList
from tests.enclaves.agent.district import NAMES, District, found
from tests.enclaves.agent.fuzzed import Fuzzed, hold_enclave
from tests.enclaves.agent.model_oracle import is_head, is_part
from tests.enclaves.agent.relay import Line
from tests.enclaves.cli.test_vetting import HIGHS, HONEST, listed
from tests.enclaves.protocols.mutating import mutants
from tests.enclaves.worker.domain import part
from tests.fuzzing.json_mutants import mutated
from tests.fuzzing.slices import chosen

SLICES, SLICE = 8, 2_600
FIRST_SEED = 20_261_128
ENCLAVE, DEPARTMENT, DATASET = "enclave-hospital", "hospital", "hospital-rows"
GRAPH = b"what a part calls its graph is hashed here, and read where it is run"
ONNX = OnnxPart(
    id="part-hospital",
    department=DEPARTMENT,
    dataset=DATASET,
    inputs=tuple(OnnxInput(column=name, low="0", high="9", fill="1") for name in ("amount", "visits")),
    graph=hashlib.sha256(GRAPH).hexdigest(),
)
COLUMNS = ("amount", "visits", "sex")


@dataclass
class Sent:
    """What one mutant is made of, and whether it hangs together: digests, seals, signer."""

    head: bytes
    part: bytes
    graph: bytes | None
    whole: bool = True


@dataclass
class Partner:
    """Sends mutants to the enclave of the hospital and judges what it keeps."""

    district: District
    fuzzed: Fuzzed
    chance: random.Random
    tally: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def mutant(self) -> Sent:
        """Never the model that the enclave has."""
        while True:
            sent = self._drawn()
            if hashlib.sha256(sent.head).hexdigest() != self.district.model.digest:
                return sent

    def _drawn(self) -> Sent:
        chance = self.chance
        graph = GRAPH if chance.random() < 0.4 else None
        body = (part(DEPARTMENT) if graph is None else ONNX).to_body()
        kind = chance.randrange(5)
        data = _bytes(mutated(body, chance) if kind in (0, 1) else body)
        if kind == 2:
            data = next(mutants(data, count=1, seed=chance.getrandbits(32)))
        head = copy.deepcopy(self.district.model.to_body())
        head["id"] = "mutant"
        self._lines(head)[0]["digest"] = hashlib.sha256(data).hexdigest()
        whole = True
        if kind == 3 or chance.random() < 0.1:
            head = mutated(head, chance)
            # An honest digest again, so that the head alone decides.
            if isinstance(head, dict) and chance.random() < 0.5 and self._lines(head):
                self._lines(head)[0]["digest"] = hashlib.sha256(data).hexdigest()
        if kind == 4:
            whole, graph = self._torn(data, graph)
        return Sent(_bytes(head), data, graph, whole)

    def _lines(self, head: Any) -> list[dict[str, Any]]:
        lines = head.get("parts")
        return [each for each in lines if isinstance(each, dict)] if isinstance(lines, list) else []

    def _torn(self, data: bytes, graph: bytes | None) -> tuple[bool, bytes | None]:
        """Another graph than the part names, none with one that needs it, or one with a part that has no use for it."""
        if graph is None:
            return False, b"a graph that a linear part has no use for"
        return False, self.chance.choice((None, graph[:-1], graph + b"\0", b""))

    def send(self, sent: Sent) -> None:
        """As the partner's client does: the head posted, part and graph sealed to the enclave, the message mailed."""
        chance, relay = self.chance, self.district.relay
        envelope = self._signed(sent)
        digest, public = envelope.digest, self.district.parties[ENCLAVE].sealing
        assert public is not None
        relay.documents[digest] = envelope
        line, sealed = Line(relay, "partner"), []
        for data, info in ((sent.part, part_info), (sent.graph, graph_info)):
            if data is None:
                continue
            made = seal(public.public, data, info=info(digest, DEPARTMENT, ENCLAVE))
            if chance.random() < 0.05:
                made, sent.whole = next(mutants(made, count=1, seed=chance.getrandbits(32))), False
            sealed.append(line.put_attachment(made, audience=(ENCLAVE,)))
        body = {"model": digest, "department": DEPARTMENT}
        line.send(ENCLAVE, "model-part", body, attachments=sealed)
        self.district.pump()
        self._judge(sent, digest)
        for known in sealed:
            relay.attachments.pop(known, None)
        del relay.documents[digest]

    def _signed(self, sent: Sent) -> Envelope:
        signer = "partner"
        if self.chance.random() < 0.05:
            signer, sent.whole = self.chance.choice(("insurer", "coordinator", "hospital")), False
        return Envelope(media_type("model"), sent.head).signed_by(self.district.parties[signer].identity)

    def _judge(self, sent: Sent, digest: str) -> None:
        (message,) = self.fuzzed.held
        self.fuzzed.held.clear()
        before = len(self.fuzzed.internal.lines)
        self.fuzzed.deliver(message)
        kept = self.fuzzed.durable.rows("SELECT 1 FROM parts WHERE model = ?", (digest,))
        allowed = (
            sent.whole
            and is_head(sent.head)
            and is_part(sent.part, department=DEPARTMENT, dataset=DATASET)
            and self._named(sent)
        )
        self.tally["kept" if kept else "refused"] += 1
        if len(self.fuzzed.internal.lines) > before:
            self.findings.append(f"internal: {sent}")
        if bool(kept) != allowed:
            self.findings.append(f"kept {bool(kept)}, allowed {allowed}: {sent}")
        if kept:
            self._check_usable(digest, Model.from_body(strict_json.parse_object(sent.head)))
            self.fuzzed.durable.run("DELETE FROM parts WHERE model = ?", (digest,))

    def _named(self, sent: Sent) -> bool:
        """Whether the head's line for the hospital, of the partner, names these bytes and this data set, and they the graph."""
        head, body = json.loads(sent.head), json.loads(sent.part)
        if body["form"] == "onnx" and hashlib.sha256(sent.graph or b"").hexdigest() != body["graph"]:
            return False
        lines = [each for each in head["parts"] if each["department"] == DEPARTMENT]
        return (
            head["partner"] == "partner"
            and [each["digest"] for each in lines] == [hashlib.sha256(sent.part).hexdigest()]
            and lines[0]["dataset"] == DATASET
        )

    def _check_usable(self, digest: str, model: Model) -> None:
        """A part that is kept opens again, and a linear one gives one number a slot or the room's own refusal."""
        opened = self.fuzzed.district.domains[DEPARTMENT].house.parts.open(digest, model)
        if not isinstance(opened.part, LinearPart):
            return
        self.tally["computed"] += 1
        try:
            # Weights may be as large as 10^40: a partial that is no number counts as the default (enclaves.model.partial).
            with np.errstate(all="ignore"):
                numbers = evaluator(opened.part, None)(rows(), 5)
        except ModelError:
            self.tally["not computable"] += 1
        else:
            assert numbers.shape == (5,)
            assert numbers.dtype == np.float64


def rows() -> dict[str, Column]:
    """Five people, values of all kinds and none."""
    numbers = np.array([0.0, -1e300, 1e300, 7.5, 3.0])
    missing = np.array([False, False, False, True, False])
    texts = np.array(["F", "", "é", None, "1e999"], dtype=object)
    return {
        "amount": Column(numbers, missing),
        "visits": Column(-numbers, missing),
        "sex": Column(texts, missing),
    }


def _bytes(value: Any) -> bytes:
    """Canonical where there is a canonical form, a careless sender's JSON where there is none."""
    try:
        return strict_json.canonical(value)
    except PolicyError:
        return json.dumps(value).encode()


def play(directory: Path, *, count: int, seed: int) -> Partner:
    district = found(directory, NAMES[:1])
    fuzzed = hold_enclave(district, DEPARTMENT)
    partner = Partner(district, fuzzed, random.Random(seed))
    model = district.model
    before = fuzzed.state().tables
    try:
        for _ in range(count):
            partner.send(partner.mutant())
        assert fuzzed.state().tables == before
        assert district.domains[DEPARTMENT].house.parts.open(model.digest, model).part == part(DEPARTMENT)
    finally:
        fuzzed.close()
    print(dict(partner.tally))
    for finding in partner.findings[:5]:
        print(finding)
    assert len(partner.findings) == 0
    assert partner.tally["kept"] > count // 50
    assert partner.tally["computed"] > count // 100
    return partner


def vetted(count: int, *, seed: int) -> Counter[str]:
    """The same for `domicile model vet` on files: a verdict, or an error that has a code."""
    chance, tally = random.Random(seed), Counter[str]()
    data_list = DataList.read(json.dumps({"tables": [listed("hospital", "visits", list(HIGHS))]}).encode())
    for _ in range(count):
        data = _bytes(mutated(HONEST, chance))
        if chance.random() < 0.2:
            data = next(mutants(data, count=1, seed=chance.getrandbits(32)))
        try:
            _, checks = vet(read_bundle(data, [], {}), data_list, Draw(200, 1), bands=4)
        except (PolicyError, EnclaveError) as error:
            tally[error.code] += 1
        else:
            tally["vetted"] += 1
            assert {check.check for check in checks}
    return tally


def test_no_mutated_model_or_part_is_kept_that_is_none(tmp_path: Path) -> None:
    play(tmp_path, count=200, seed=FIRST_SEED)


def test_a_mutated_part_on_this_machine_is_vetted_or_refused_with_a_code() -> None:
    tally = vetted(40, seed=FIRST_SEED)
    assert tally["vetted"] >= 2
    assert tally.total() == 40


@pytest.mark.long
@pytest.mark.parametrize("number", chosen("DOMICILE_FUZZ_MODELS", SLICES))
def test_no_mutated_model_or_part_is_kept_in_twenty_thousand(tmp_path: Path, number: int) -> None:
    seed = FIRST_SEED + 1 + number
    print(f"slice {number} of {SLICES}, seed {seed}, {SLICE} models")
    play(tmp_path, count=SLICE, seed=seed)


@pytest.mark.long
def test_mutated_parts_are_vetted_or_refused_in_two_thousand() -> None:
    print(dict(vetted(2_000, seed=FIRST_SEED + 1)))
