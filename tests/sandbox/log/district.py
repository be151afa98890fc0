"""A small district for the log's tests: real keys, a real trust root, a real database."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, MetaData, create_engine

from policies.log.entry import Entry, EntryType, instant
from policies.log.note import TreeHead, cosign
from policies.log.witness import WitnessState, advance
from sandbox.log.evidence import EvidenceLog
from sandbox.log.export import export
from sandbox.log.tables import durable_sqlite

ORIGIN = "district.example/log"
WITNESSES = ("hospital-enclave", "social-enclave", "transport-enclave", "gate")
QUORUM = 3


def key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


LOG_KEY = key(9)
WITNESS_KEYS = {name: key(seed) for seed, name in enumerate(WITNESSES, 1)}


def trust_root() -> tuple[bytes, str]:
    """The trust-root file and its pin."""
    parties = [
        {"id": name, "identity_key": base64.b64encode(public(private)).decode()}
        for name, private in WITNESS_KEYS.items()
    ]
    payload = json.dumps(
        {
            "log": {"origin": ORIGIN, "key": base64.b64encode(public(LOG_KEY)).decode()},
            "parties": parties,
            "witnesses": list(WITNESSES),
            "quorum": QUORUM,
        }
    ).encode()
    envelope = {
        "payloadType": "application/vnd.domicile.trust-root+json",
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": "agency", "sig": base64.b64encode(bytes(64)).decode()}],
    }
    return json.dumps(envelope).encode(), hashlib.sha256(payload).hexdigest()


TRUST_ROOT, PIN = trust_root()
FIRST = Entry(EntryType.TRUST_ROOT, instant(0), "operator", digests={"trust-root": PIN})


def entry(index: int, *, actor: str = "operator") -> Entry:
    return Entry(EntryType.DELIVERY, instant(index), actor, job=f"job-{index}", facts={"units": index})


def open_engine(path: Path) -> Engine:
    return durable_sqlite(create_engine(f"sqlite:///{path}"))


@dataclass
class Witness:
    """A witness with its key and its memory."""

    name: str
    state: WitnessState = field(default_factory=WitnessState)

    def cosign(self, note: str, entries: list[bytes], *, at: int) -> str:
        self.state = advance(
            self.state, note=note, entries=entries, origin=ORIGIN, log_key=public(LOG_KEY), pin=PIN
        )
        return cosign(self.state.head(ORIGIN), WITNESS_KEYS[self.name], name=self.name, at=at)


class District:
    """The operator's log over one database file, and the witnesses around it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        metadata = MetaData()
        keys = {name: public(private) for name, private in WITNESS_KEYS.items()}
        self.log = EvidenceLog(metadata, origin=ORIGIN, log_key=public(LOG_KEY), witness_keys=keys)
        self.engine = open_engine(path)
        metadata.create_all(self.engine)
        self.witnesses = [Witness(name) for name in WITNESSES]

    def append(self, *entries: Entry) -> list[int]:
        with self.engine.begin() as connection:
            return self.log.append(connection, entries)

    def fill(self, count: int) -> None:
        """Append the trust root and further entries up to `count`."""
        self.append(FIRST, *(entry(index) for index in range(1, count)))

    def cosign(self, *, at: int = 1_790_000_000, witnesses: int = QUORUM) -> TreeHead:
        """Sign the head and let some witnesses cosign it."""
        with self.engine.begin() as connection:
            note = self.log.checkpoint(connection, key=LOG_KEY, now=at)
            head = self.log.head(connection)
            for witness in self.witnesses[:witnesses]:
                entries = self.log.entries(connection, witness.state.size, head.size)
                self.log.add_cosignature(connection, head.size, witness.cosign(note, entries, at=at))
        return head

    def export(self, path: Path) -> Path:
        with self.engine.begin() as connection, path.open("wb") as out:
            export(self.log, connection, out, trust_root=TRUST_ROOT, quorum=QUORUM)
        return path

    def close(self) -> None:
        self.engine.dispose()
