"""An envelope carries exact bytes of one type, signatures in any order, and changes to no byte go unnoticed."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import permutations

import district_documents
import district_parties as parties
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.documents import envelope as dsse
from policies.documents.document import Document
from policies.documents.envelope import Envelope, EnvelopeRefused, Signature
from policies.errors import PolicyError
from policies.keys import IdentityKey, SignatureInvalid, public_key

SIGNED = district_documents.all_documents()
LABELS = ("hospital", "futian-agency", "futian-operator")
PRIVATES = [parties.private_key(label) for label in LABELS]
KEYS = [public_key(private) for private in PRIVATES]
BODY = {"b": 1, "a": "文"}
ENVELOPE = dsse.sign("job", BODY, *PRIVATES)
JSON_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON_VALUES = st.recursive(
    JSON_SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=8), v, max_size=3)
)


def envelope_of(kind: str) -> Envelope:
    signed = SIGNED[kind]
    return signed.document.envelope(*(parties.private_key(label) for label in signed.signers))


def read_all(kind: str, data: bytes) -> Document:
    """Parse, verify every expected signer, read."""
    envelope = dsse.parse(data)
    for label in SIGNED[kind].signers:
        envelope.check_signed_by(public_key(parties.private_key(label)))
    return type(SIGNED[kind].document).read(envelope)


def test_the_pre_authentication_encoding_is_that_of_the_specification() -> None:
    # The example of secure-systems-lab/dsse, protocol.md.
    encoded = dsse.pae("http://example.com/HelloWorld", b"hello world")

    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_an_envelope_written_and_parsed_is_the_same() -> None:
    assert dsse.parse(ENVELOPE.to_bytes()) == ENVELOPE
    assert ENVELOPE.kind == "job"
    assert ENVELOPE.digest == hashlib.sha256('{"a":"文","b":1}'.encode()).hexdigest()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_signing_changes_neither_digest_nor_signers(order: tuple[int, ...]) -> None:
    envelope = dsse.sign("job", BODY, *(PRIVATES[index] for index in order))

    assert envelope.digest == ENVELOPE.digest
    assert envelope.signers(KEYS) == ENVELOPE.signers(KEYS) == {key.keyid for key in KEYS}
    assert set(envelope.signatures) == set(ENVELOPE.signatures)


@given(st.permutations(list(range(6))), st.permutations(list(range(6))))
def test_signatures_collected_along_two_ways_merge_to_the_same_set(one: list[int], two: list[int]) -> None:
    signed = SIGNED["scenario"]
    privates = [parties.private_key(label) for label in signed.signers]
    left = signed.document.envelope(*(privates[index] for index in one[:4]))
    right = signed.document.envelope(*(privates[index] for index in two[:4]))

    merged = left.merged(right)

    assert {s.keyid for s in merged.signatures} == {s.keyid for s in left.signatures + right.signatures}
    assert merged.digest == left.digest == signed.document.digest
    assert merged.signers([public_key(p) for p in privates]) == {s.keyid for s in merged.signatures}


def test_signing_twice_changes_nothing() -> None:
    assert ENVELOPE.signed_by(PRIVATES[0]) == ENVELOPE


def test_a_false_signature_under_a_signers_id_does_not_keep_the_signer_out() -> None:
    unsigned = dsse.sign("job", BODY)
    spoiled = Envelope(unsigned.payload_type, unsigned.body, (Signature(KEYS[0].keyid, bytes(64)),))
    assert spoiled.signers(KEYS) == frozenset()

    assert spoiled.signed_by(PRIVATES[0]).signers(KEYS) == {KEYS[0].keyid}


def test_signatures_over_another_body_or_type_do_not_merge() -> None:
    for other in (dsse.sign("job", {}), dsse.sign("plan", BODY)):
        with pytest.raises(EnvelopeRefused):
            ENVELOPE.merged(other)


def test_a_signature_for_one_type_is_none_for_another() -> None:
    moved = Envelope(dsse.media_type("plan"), ENVELOPE.body, ENVELOPE.signatures)

    assert ENVELOPE.signers(KEYS) == {key.keyid for key in KEYS}
    assert moved.signers(KEYS) == frozenset()


def test_a_stranger_is_no_signer_and_a_keyid_proves_nothing() -> None:
    stranger = parties.private_key("stranger")
    signature = stranger.sign(dsse.pae(ENVELOPE.payload_type, ENVELOPE.body))
    borrowed = Envelope(ENVELOPE.payload_type, ENVELOPE.body, (Signature(KEYS[0].keyid, signature),))

    assert borrowed.signers([*KEYS, public_key(stranger)]) == frozenset()
    with pytest.raises(SignatureInvalid):
        borrowed.check_signed_by(KEYS[0])
    assert ENVELOPE.signers([public_key(stranger)]) == frozenset()


@pytest.mark.parametrize("kind", SIGNED)
@given(data=st.data())
def test_one_flipped_bit_of_an_envelope_is_caught(kind: str, data: st.DataObject) -> None:
    whole = bytearray(envelope_of(kind).to_bytes())
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8

    with pytest.raises(PolicyError):
        read_all(kind, bytes(whole))


def test_every_single_flipped_bit_of_a_small_envelope_is_caught() -> None:
    sound = envelope_of("vet-bands").to_bytes()
    read_all("vet-bands", sound)

    for bit in range(8 * len(sound)):
        whole = bytearray(sound)
        whole[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PolicyError):
            read_all("vet-bands", bytes(whole))


@given(
    kind=st.sampled_from(sorted(SIGNED)),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 30), st.binary(max_size=8)), min_size=1, max_size=4
    ),
)
def test_mutated_envelopes_are_read_or_refused(kind: str, edits: list[tuple[float, int, bytes]]) -> None:
    data = envelope_of(kind).to_bytes()
    for place, remove, insert in edits:
        at = int(place * len(data))
        data = data[:at] + insert + data[at + remove :]
    try:
        document = read_all(kind, data)
    except PolicyError:
        return
    assert document == SIGNED[kind].document


@given(
    kind=st.sampled_from(sorted(SIGNED)),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 30), st.binary(max_size=8)), min_size=1, max_size=3
    ),
)
def test_mutated_bodies_that_were_signed_are_read_or_refused(
    kind: str, edits: list[tuple[float, int, bytes]]
) -> None:
    model = type(SIGNED[kind].document)
    body = envelope_of(kind).body
    for place, remove, insert in edits:
        at = int(place * len(body))
        body = body[:at] + insert + body[at + remove :]
    try:
        document = model.read(Envelope(dsse.media_type(kind), body))
    except PolicyError:
        return
    assert document.digest == hashlib.sha256(body).hexdigest()


@given(kind=st.sampled_from(sorted(SIGNED)), data=st.data(), value=JSON_VALUES)
def test_a_member_of_any_value_is_read_or_refused(kind: str, data: st.DataObject, value: object) -> None:
    body = json.loads(envelope_of(kind).body)
    where, member = body, data.draw(st.sampled_from(sorted(body)))
    while isinstance(where[member], dict) and data.draw(st.booleans()):
        where, member = where[member], data.draw(st.sampled_from(sorted(where[member])))
    where[member] = value
    model = type(SIGNED[kind].document)
    try:
        document = model.from_body(body)
    except PolicyError:
        return
    assert model.read(Envelope(dsse.media_type(kind), document.envelope().body)) == document


@given(st.binary(max_size=400))
@example(b'{"payload":"","payloadType":"\xed\xa0\x80","signatures":[]}')
def test_any_bytes_are_an_envelope_or_refused(data: bytes) -> None:
    try:
        envelope = dsse.parse(data)
    except PolicyError:
        return
    assert dsse.parse(envelope.to_bytes()) == envelope


@given(
    st.fixed_dictionaries({"payloadType": JSON_VALUES, "payload": JSON_VALUES, "signatures": JSON_VALUES})
    | JSON_VALUES
)
@example({"payloadType": "application/vnd.domicile.\ud800+json", "payload": "", "signatures": []})
@example({"payloadType": "application/vnd.domicile.job+json", "payload": "\ud800", "signatures": []})
@example(
    {
        "payloadType": "application/vnd.domicile.job+json",
        "payload": "",
        "signatures": [{"keyid": "\ud800", "sig": ""}],
    }
)
def test_any_json_value_is_an_envelope_or_refused(value: object) -> None:
    try:
        envelope = dsse.from_json(value)  # type: ignore[arg-type]  # the point of the test
    except PolicyError:
        return
    assert dsse.from_json(envelope.to_json()) == envelope


@pytest.mark.parametrize(
    "media_type",
    [
        "", "application/json", "application/vnd.domicile.+json", "application/vnd.domicile+json",
        "application/vnd.domicile.job+json\n", "application/vnd.domicile.job+json ", "application/vnd.domicile.Job+json",
        "Application/vnd.domicile.job+json", "application/vnd.domicile.job+xml", "application/vnd.domicile.a/b+json",
        "application/vnd.domicile.job+json;charset=utf-8", "application/vnd.domicile.ｊob+json", "\ud800",
    ],
)  # fmt: skip
def test_only_our_media_types_have_envelopes(media_type: str) -> None:
    with pytest.raises(EnvelopeRefused) as caught:
        Envelope(media_type, b"{}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "keyid", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "１" * 64, "\ud800" * 64]
)
def test_a_keyid_is_64_hex_digits(keyid: str) -> None:
    with pytest.raises(EnvelopeRefused):
        Signature(keyid, bytes(64))


@pytest.mark.parametrize("length", [0, 63, 65, 4096])
def test_a_signature_is_64_bytes(length: int) -> None:
    with pytest.raises(EnvelopeRefused):
        Signature("0" * 64, bytes(length))


def test_the_largest_body_with_the_most_signatures_can_be_sent() -> None:
    signatures = tuple(Signature(f"{number:064x}", bytes(64)) for number in range(dsse.MAX_SIGNATURES))
    largest = Envelope(dsse.media_type("job"), b" " * (64 * 1024), signatures)

    assert len(largest.to_bytes()) <= dsse.MAX_ENVELOPE_BYTES
    assert dsse.parse(largest.to_bytes()) == largest
    with pytest.raises(EnvelopeRefused):
        Envelope(largest.payload_type, largest.body + b" ", signatures)
    with pytest.raises(EnvelopeRefused):
        Envelope(largest.payload_type, b"", (*signatures, Signature("f" * 64, bytes(64))))


def test_a_body_too_large_is_not_signed() -> None:
    with pytest.raises(EnvelopeRefused):
        dsse.sign("job", {"a": "x" * 65536}, PRIVATES[0])


def test_an_envelope_may_be_spaced_but_its_body_keeps_every_byte() -> None:
    spaced = json.dumps(ENVELOPE.to_json(), indent=2).encode()

    assert dsse.parse(spaced) == ENVELOPE


def test_the_identity_key_forges_an_envelope_for_a_naive_reader_and_not_for_ours() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    identity = bytes([1]) + bytes(31)
    forged = Envelope(
        ENVELOPE.payload_type,
        ENVELOPE.body,
        (Signature(hashlib.sha256(identity).hexdigest(), identity + bytes(32)),),
    )

    message = dsse.pae(forged.payload_type, forged.body)
    Ed25519PublicKey.from_public_bytes(identity).verify(forged.signatures[0].sig, message)
    with pytest.raises(PolicyError):
        forged.signers([IdentityKey.from_base64(base64.b64encode(identity).decode())])
