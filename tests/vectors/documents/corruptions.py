"""Named corruptions of a signed envelope, each with the error code a reader must give and no other.

A corruption of layer `body` edits the body, which its signers then sign again: what is refused is the text, not the
signature. One of layer `envelope` edits the finished bytes. An edit replaces `remove` bytes at `at` by `insert` (base64),
`repeat` times. `keys`, where present, are the keys the reader is asked to trust instead of the signers'.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import district_parties as parties
import rfc8785

INSTANT = re.compile(rb'"(\d{4})-\d\d-\d\dT\d\d:\d\d:\d\dZ"')
DIGEST = re.compile(rb'"[0-9a-f]{64}"')
# The identity element: R = identity, S = 0 verifies for every message under it (policies.keys).
IDENTITY_POINT = bytes([1]) + bytes(31)
FORGED = IDENTITY_POINT + bytes(32)


@dataclass(frozen=True, slots=True)
class Original:
    """The sound envelope, taken apart."""

    kind: str
    body: dict[str, object]
    envelope: bytes
    signers: tuple[str, ...]

    @property
    def canonical(self) -> bytes:
        return rfc8785.dumps(self.body)


@dataclass(frozen=True, slots=True)
class Corruption:
    """One edit and the code of the one error it must lead to."""

    name: str
    code: str
    layer: str
    at: int
    remove: int
    insert: bytes
    repeat: int = 1
    keys: tuple[bytes, ...] | None = None

    def to_json(self) -> dict[str, object]:
        edit = {
            "at": self.at,
            "remove": self.remove,
            "insert": base64.b64encode(self.insert).decode(),
            "repeat": self.repeat,
        }
        trusted = {} if self.keys is None else {"keys": [base64.b64encode(key).decode() for key in self.keys]}
        return {"name": self.name, "code": self.code, "layer": self.layer, "edit": edit, **trusted}


def apply(corruption: dict, original: Original) -> bytes:
    """The corrupted envelope's bytes."""
    edit = corruption["edit"]
    target = original.canonical if corruption["layer"] == "body" else original.envelope
    insert = base64.b64decode(edit["insert"]) * edit["repeat"]
    edited = target[: edit["at"]] + insert + target[edit["at"] + edit["remove"] :]
    return sign_again(original, edited) if corruption["layer"] == "body" else edited


def sign_again(original: Original, body: bytes, kind: str | None = None) -> bytes:
    """An envelope over `body` by the same signers, written without the code under test."""
    media_type = f"application/vnd.domicile.{kind or original.kind}+json"
    message = b"DSSEv1 %d %s %d %s" % (len(media_type), media_type.encode(), len(body), body)
    signatures = [
        {
            "keyid": parties.keyid(label),
            "sig": base64.b64encode(parties.private_key(label).sign(message)).decode(),
        }
        for label in original.signers
    ]
    return _envelope({"payloadType": media_type, "payload": _base64(body), "signatures": signatures})


def of(original: Original) -> Iterator[Corruption]:
    """Every corruption that makes sense for the kind."""
    for name, code, body in _bodies(original):
        yield _edit(name, code, "body", original.canonical, body)
    yield Corruption("body-too-large", "envelope_refused", "body", len(original.canonical), 0, b" ", 65536)
    yield Corruption("body-65536-spaces", "envelope_refused", "body", 1, 0, b" ", 65536)
    for name, code, envelope in _envelopes(original):
        yield _edit(name, code, "envelope", original.envelope, envelope)
    end = len(original.envelope)
    yield Corruption("envelope-too-large", "json_refused", "envelope", end, 0, b" ", 131072)
    yield _small_order(original)


def _bodies(original: Original) -> Iterator[tuple[str, str, bytes]]:
    """Texts that their signers signed all the same: (name, code, body)."""
    body, sound = original.body, original.canonical
    identifier = b'"id":' + json.dumps(body["id"]).encode()
    yield "duplicate-key", "json_refused", sound.replace(identifier, identifier + b"," + identifier)
    yield "duplicate-key-escaped", "json_refused", sound.replace(identifier, identifier + b',"\\u0069d":"x"')
    yield "float", "json_refused", sound.replace(identifier, b'"id":1.0')
    yield "exponent", "json_refused", sound.replace(identifier, b'"id":1e3')
    yield "not-a-number", "json_refused", sound.replace(identifier, b'"id":NaN')
    yield "big-integer", "json_refused", sound.replace(identifier, b'"id":9007199254740992')
    yield "leading-zero", "json_refused", sound.replace(identifier, b'"id":007')
    yield "lone-surrogate", "json_refused", sound.replace(identifier, b'"id":"\\ud800"')
    yield "lone-surrogate-key", "json_refused", sound.replace(b'"id":', b'"\\ud800":')
    yield "control-character", "json_refused", sound.replace(identifier, b'"id":"a\nb"')
    yield "invalid-utf-8", "json_refused", sound.replace(identifier, b'"id":"\xff"')
    yield "overlong-utf-8", "json_refused", sound.replace(identifier, b'"id":"\xc0\xaf"')
    yield "depth-17", "json_refused", _with(body, zzz=_nested(16))
    yield "depth-16", "document_invalid", _with(body, zzz=_nested(15))
    yield "trailing-bytes", "json_refused", sound + b"{}"
    yield "byte-order-mark", "json_refused", b"\xef\xbb\xbf" + sound
    yield "truncated", "json_refused", sound[:-1]
    yield "empty", "json_refused", b""
    yield "array", "json_refused", b"[" + sound + b"]"
    yield "trailing-comma", "json_refused", sound[:-1] + b",}"
    yield "unknown-field", "document_invalid", _with(body, zzz=1)
    yield "missing-field", "document_invalid", _without(body, "id")
    yield "omitted-default", "document_invalid", _without(body, "suite")
    yield "wrong-type", "document_invalid", _with(body, id=7)
    yield "null", "document_invalid", _with(body, id=None)
    yield "boolean", "document_invalid", _with(body, id=True)
    yield "unknown-suite", "document_invalid", _with(body, suite="gm-1")
    yield "trailing-newline-in-id", "document_invalid", _with(body, id=f"{body['id']}\n")
    yield "full-width-id", "document_invalid", _with(body, id="\uff11")
    yield "white-space", "document_invalid", sound.replace(b"{", b"{ ", 1)
    yield "final-newline", "document_invalid", sound + b"\n"
    yield "escaped-letter", "document_invalid", sound.replace(b'"id":', b'"\\u0069d":')
    suite = b'"suite":"intl-1"'
    without = sound.replace(suite + b",", b"").replace(b"," + suite, b"")
    yield "other-key-order", "document_invalid", without.replace(b"{", b"{" + suite + b",", 1)
    if INSTANT.search(sound):
        yield "impossible-date", "document_invalid", INSTANT.sub(rb'"\1-02-30T00:00:00Z"', sound, 1)
        yield "leap-second", "document_invalid", INSTANT.sub(rb'"\1-12-31T23:59:60Z"', sound, 1)
        yield "year-zero", "document_invalid", INSTANT.sub(rb'"0000-01-01T00:00:00Z"', sound, 1)
        yield "offset", "document_invalid", INSTANT.sub(rb'"\1-01-01T00:00:00+08:00"', sound, 1)
        wide = "２０２６-01-01T00:00:00Z".encode()
        yield "full-width-date", "document_invalid", INSTANT.sub(b'"' + wide + b'"', sound, 1)
    if digest := DIGEST.search(sound):
        text = digest.group()
        yield "upper-case-digest", "document_invalid", sound.replace(text, b'"' + b"A" * 64 + b'"', 1)
        yield "short-digest", "document_invalid", sound.replace(text, text[:-2] + b'"', 1)


def _envelopes(original: Original) -> Iterator[tuple[str, str, bytes]]:
    """Edited envelopes, not signed again: (name, code, envelope)."""
    sound, value = original.envelope, json.loads(original.envelope)
    first, *rest = value["signatures"]
    body = original.canonical
    other = "job" if original.kind != "job" else "plan"
    yield (
        "kind-confusion",
        "signature_invalid",
        sound.replace(b"." + original.kind.encode(), b"." + other.encode(), 1),
    )
    yield "kind-confusion-signed", "document_invalid", sign_again(original, body, other)
    yield "wrong-media-type", "envelope_refused", _changed(value, payloadType="application/json")
    media = f"{value['payloadType']}\n"
    yield "media-type-newline", "envelope_refused", _changed(value, payloadType=media)
    flipped = body[:-1] + bytes([body[-1] ^ 1])
    yield "flipped-body-byte", "signature_invalid", _changed(value, payload=_base64(flipped))
    signature = base64.b64decode(first["sig"])
    broken = {**first, "sig": _base64(bytes([signature[0] ^ 1]) + signature[1:])}
    yield "flipped-signature-byte", "signature_invalid", _changed(value, signatures=[broken, *rest])
    negated = signature[:32] + _plus_order(signature[32:])
    malleable = {**first, "sig": _base64(negated)}
    yield "malleable-signature", "signature_invalid", _changed(value, signatures=[malleable, *rest])
    yield "no-signatures", "signature_invalid", _changed(value, signatures=[])
    yield "missing-signature", "signature_invalid", _changed(value, signatures=rest)
    moved = {**first, "keyid": "0" * 64}
    yield "unknown-keyid", "signature_invalid", _changed(value, signatures=[moved, *rest])
    yield "duplicate-keyid", "envelope_refused", _changed(value, signatures=[first, first, *rest])
    upper = {**first, "keyid": "A" + first["keyid"][1:]}
    yield "upper-case-keyid", "envelope_refused", _changed(value, signatures=[upper, *rest])
    short = {**first, "sig": _base64(signature[:-1])}
    yield "short-signature", "envelope_refused", _changed(value, signatures=[short, *rest])
    extra = {**first, "cert": ""}
    yield "signature-unknown-member", "envelope_refused", _changed(value, signatures=[extra, *rest])
    many = [{**first, "keyid": f"{number:064x}"} for number in range(65)]
    yield "too-many-signatures", "envelope_refused", _changed(value, signatures=many)
    yield "unknown-member", "envelope_refused", _changed(value, zzz=1)
    yield "payload-not-base64", "envelope_refused", _changed(value, payload=f"{value['payload']}!")
    yield "payload-line-break", "envelope_refused", _changed(value, payload=f"{value['payload']}\n")
    yield "payload-other-base64", "envelope_refused", _changed(value, payload=_base64(body) + "=")
    yield "payload-number", "envelope_refused", _changed(value, payload=7)
    doubled = sound.replace(b'{"payload":', b'{"payload":"","payload":', 1)
    yield "envelope-duplicate-key", "json_refused", doubled
    yield "envelope-trailing-bytes", "json_refused", sound + b"\x00"
    yield "envelope-byte-order-mark", "json_refused", b"\xef\xbb\xbf" + sound
    yield "envelope-truncated", "json_refused", sound[:-1]
    yield "envelope-empty", "json_refused", b""


def _small_order(original: Original) -> Corruption:
    keyid = hashlib.sha256(IDENTITY_POINT).hexdigest()
    forged = [{"keyid": keyid, "sig": _base64(FORGED)}]
    envelope = _changed(json.loads(original.envelope), signatures=forged)
    edit = _edit("small-order-signer", "key_refused", "envelope", original.envelope, envelope)
    return Corruption(
        edit.name, edit.code, edit.layer, edit.at, edit.remove, edit.insert, keys=(IDENTITY_POINT,)
    )


def _edit(name: str, code: str, layer: str, before: bytes, after: bytes) -> Corruption:
    """The smallest single edit that leads from `before` to `after`."""
    if before == after:
        raise ValueError(f"expected `{name}` to change something")
    start = _common(before, after)
    end = min(_common(before[::-1], after[::-1]), min(len(before), len(after)) - start)
    return Corruption(name, code, layer, start, len(before) - end - start, after[start : len(after) - end])


def _common(one: Sequence[int], two: Sequence[int]) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two))
    )


def _plus_order(scalar: bytes) -> bytes:
    """S + L: the same signature to a verifier that forgets RFC 8032 §5.1.7 step 1 (S below the group order)."""
    order = 2**252 + 27742317777372353535851937790883648493
    return (int.from_bytes(scalar, "little") + order).to_bytes(32, "little")


def _nested(depth: int) -> object:
    value: object = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _with(body: dict[str, object], **members: object) -> bytes:
    return rfc8785.dumps({**body, **members})


def _without(body: dict[str, object], name: str) -> bytes:
    return rfc8785.dumps({key: value for key, value in body.items() if key != name})


def _changed(value: dict[str, object], **members: object) -> bytes:
    return _envelope({**value, **members})


def _envelope(value: dict[str, object]) -> bytes:
    return rfc8785.dumps(value)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
