"""Every kind's signed vector reads back, and every corruption of it leads to one known error."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import corruptions
import district_parties as parties
import make
import pytest

from policies.documents import envelope as dsse
from policies.documents.document import Document, DocumentInvalid
from policies.documents.envelope import EnvelopeRefused
from policies.documents.kinds import KINDS
from policies.documents.model import LinearPart
from policies.documents.strict_json import JsonRefused
from policies.errors import PolicyError
from policies.keys import IdentityKey, KeyRefused, SignatureInvalid

MODELS: dict[str, type[Document]] = {**KINDS, LinearPart.kind: LinearPart}
ERRORS = {e.code: e for e in (JsonRefused, EnvelopeRefused, DocumentInvalid, SignatureInvalid, KeyRefused)}
CASES = {kind: json.loads((make.VECTORS / f"{kind}.json").read_text("utf-8")) for kind in MODELS}
CORRUPTIONS = [
    pytest.param(kind, corruption, id=f"{kind}-{corruption['name']}")
    for kind, case in CASES.items()
    for corruption in case["corruptions"]
]


def read(kind: str, data: bytes, keys: list[str]) -> Document:
    """What a party does with bytes from outside: keys, envelope, signatures, body."""
    trusted = [IdentityKey.from_base64(key) for key in keys]
    envelope = dsse.parse(data)
    for key in trusted:
        envelope.check_signed_by(key)
    return MODELS[kind].read(envelope)


def original(kind: str) -> corruptions.Original:
    case = CASES[kind]
    envelope = dsse.from_json(case["envelope"])
    labels = tuple(signer["label"] for signer in case["signers"])
    return corruptions.Original(kind, json.loads(envelope.body), envelope.to_bytes(), labels)


@pytest.mark.parametrize("kind", MODELS)
def test_a_sound_vector_reads_and_keeps_its_digest(kind: str) -> None:
    case = CASES[kind]
    keys = [signer["key"] for signer in case["signers"]]

    document = read(kind, json.dumps(case["envelope"]).encode(), keys)

    assert document.digest == case["digest"] == dsse.from_json(case["envelope"]).digest
    assert (
        document.envelope(*(parties.private_key(s["label"]) for s in case["signers"])).to_json()
        == case["envelope"]
    )


@pytest.mark.parametrize(("kind", "corruption"), CORRUPTIONS)
def test_a_corruption_leads_to_its_one_error(kind: str, corruption: dict) -> None:
    keys = corruption.get("keys") or [signer["key"] for signer in CASES[kind]["signers"]]
    data = corruptions.apply(corruption, original(kind))

    with pytest.raises(PolicyError) as caught:
        read(kind, data, keys)

    assert type(caught.value) is ERRORS[corruption["code"]]
    assert caught.value.code == corruption["code"]
    message = str(caught.value)
    assert message
    assert message.isprintable()
    assert caught.value.__cause__ is None


def test_the_corruptions_named_by_the_threat_model_are_all_there() -> None:
    wanted = {
        "duplicate-key", "float", "unknown-field", "missing-field", "wrong-type", "white-space", "other-key-order",
        "depth-17", "body-too-large", "wrong-media-type", "kind-confusion", "kind-confusion-signed",
        "flipped-body-byte", "flipped-signature-byte", "small-order-signer", "duplicate-keyid", "trailing-bytes",
        "byte-order-mark", "lone-surrogate", "big-integer", "malleable-signature",
    }  # fmt: skip

    for kind, case in CASES.items():
        assert wanted <= {corruption["name"] for corruption in case["corruptions"]}, kind


def test_making_the_vectors_again_changes_no_byte() -> None:
    for path, text in make.files().items():
        assert path.read_bytes() == text.encode(), path.name


def test_no_vector_or_example_is_left_over() -> None:
    made = set(make.files())

    assert {path for folder in (make.VECTORS, make.EXAMPLES) for path in folder.glob("*.json")} == made


def test_the_vectors_hold_no_real_key() -> None:
    label: str = CASES["receipt"]["signers"][0]["label"]

    assert (
        base64.b64decode(parties.public_base64(label))
        == parties.private_key(label).public_key().public_bytes_raw()
    )
    assert not list(Path(make.VECTORS).glob("*.key"))
