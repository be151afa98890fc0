"""What a message says to whom it is for: the reference of the fuzz runs, written from docs/protocol.md section 3 alone.

Two messages with one meaning ask for the same thing; a mutant that has the meaning of the honest message is no mutant.
Envelopes are read here by hand: type, payload bytes, and those of the signatures that verify under a key of the district.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# Members of the body that carry envelopes, lists of envelopes, lists of bundle pairs, and plain values.
ENVELOPES: Mapping[str, tuple[str, ...]] = {
    "consent": ("consent",),
    "withdrawal": ("revocation",),
    "plan": ("plan",),
    "open": ("plan",),
    "bundle": ("bundle", "boot"),
    "transcript": ("transcript",),
    "contribution": ("contribution",),
    "metrics": ("metrics",),
    "release": ("document",),
    "he-key": ("he_key",),
}
LISTS: Mapping[str, tuple[str, ...]] = {
    "transcripts": ("items",),
    "open": ("transcripts", "contributions"),
    "outcome": ("reviews",),
}
PAIRS: Mapping[str, tuple[str, ...]] = {"bundles": ("items",), "open": ("bundles",)}
PLAIN: Mapping[str, tuple[str, ...]] = {
    "model-part": ("model", "department"),
    "outcome": ("index",),
    "he-key-request": ("job", "attempt"),
    "paillier-key-request": ("model",),
    "handover": ("release",),
}
ATTACHED = frozenset({"consent", "model-part", "handover"})
OF_ANYBODY = frozenset({"consent", "withdrawal", "model-part"})
OF_NO_RUN = OF_ANYBODY | {"log", "he-key-request", "paillier-key-request", "he-key"}

Meaning = tuple[Any, ...]


class Keys:
    """Public keys of a district, to tell which signatures of an envelope hold."""

    def __init__(self, raw: Iterable[bytes]) -> None:
        self._keys = [(key, Ed25519PublicKey.from_public_bytes(key)) for key in raw]

    def meaning(self, item: Mapping[str, Any]) -> Meaning | None:
        """Of one message as the coordinator serves it; None where it says nothing that can be read."""
        try:
            return self._meaning(item)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def _meaning(self, item: Mapping[str, Any]) -> Meaning:
        topic, body = item["topic"], item["body"]
        return (
            topic,
            None if topic in OF_ANYBODY else item["sender"],
            None if topic in OF_NO_RUN else item.get("run"),
            tuple(item.get("attachments") or ()) if topic in ATTACHED or _is_table(topic, body) else (),
            tuple(self._envelope(body[name]) for name in ENVELOPES.get(topic, ())),
            self._envelope(body.get("he_key")) if topic == "plan" and _names_key(body["plan"]) else None,
            tuple(self._list(topic, body[name]) for name in LISTS.get(topic, ())),
            tuple(
                Counter((self._envelope(each["bundle"]), self._envelope(each["boot"])) for each in body[name])
                for name in PAIRS.get(topic, ())
            ),
            tuple((type(body[name]), body[name]) for name in PLAIN.get(topic, ())),
        )

    def _list(self, topic: str, values: Any) -> Any:
        """A review said twice is said; a run has one bundle, transcript or contribution of each enclave."""
        found = Counter(self._envelope(each) for each in values)
        return set(found) if topic == "outcome" else found

    def _envelope(self, value: Any) -> Meaning | None:
        if value is None:
            return None
        kind, payload = value["payloadType"], base64.b64decode(value["payload"], validate=True)
        words = b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)
        held = {
            raw
            for signature in value["signatures"]
            for raw, key in self._keys
            if _holds(key, base64.b64decode(signature["sig"], validate=True), words)
        }
        return kind, payload, frozenset(held)


def _is_table(topic: str, body: Mapping[str, Any]) -> bool:
    """A release of a table brings its reviewers' copies; another one brings nothing that is read."""
    return topic == "release" and "table" in str(body["document"]["payloadType"])


def _names_key(plan: Mapping[str, Any]) -> bool:
    """Whether a plan goes with a key of the gate; the key beside another plan is not read."""
    return json.loads(base64.b64decode(plan["payload"], validate=True))["he_key"] is not None


def _holds(key: Ed25519PublicKey, signature: bytes, words: bytes) -> bool:
    try:
        key.verify(signature, words)
    except InvalidSignature:
        return False
    return True
