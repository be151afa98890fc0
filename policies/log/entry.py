"""Entries of the evidence log: who did what, when, under which scenario, shown by digests only.

Rules this module decides:

- An entry is canonical JSON (RFC 8785) of at most 2,048 bytes; a field that is empty is left out, so that one
  entry has one spelling. Parsing refuses every other spelling, unknown fields, duplicate keys and floats.
- An entry names parties, scenarios, jobs and documents. It holds no person: what concerns a person enters as a
  salted commitment, and a fact that contains a resident identity number (GB 11643) is refused.

Source: protocols.md section 8, rule 8 (the sequence number is the leaf's index and so is not repeated inside).
What the digests and facts of each type must be is left to the room that writes it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NoReturn, Self

from policies.log.errors import LogInvalid
from policies.resident import ResidentIdInvalid, check_resident_id

MAX_ENTRY_BYTES = 2048
MAX_INTEGER = (1 << 53) - 1
"""RFC 8785 numbers are IEEE doubles: integers beyond this have no exact spelling."""
MAX_FACT_CHARS = 512

Fact = str | int | bool

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_EIGHTEEN = re.compile(r"(?<![0-9A-Za-z])[0-9]{17}[0-9Xx](?![0-9A-Za-z])", re.ASCII)
_REQUIRED = frozenset({"type", "at", "actor"})
_OPTIONAL = frozenset({"scenario", "job", "digests", "commitments", "facts", "target"})


class EntryType(StrEnum):
    """What an entry records."""

    TRUST_ROOT = "trust-root"
    DOCUMENT = "document"
    INTENT = "intent"
    OUTCOME = "outcome"
    DELIVERY = "delivery"
    DECISION = "decision"
    REFUSAL = "refusal"
    SUSPENSION = "suspension"
    REVOCATION = "revocation"
    WITHDRAWAL = "withdrawal"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Target:
    """What an entry acts on: the kind of thing and its id."""

    kind: str
    id: str

    def __post_init__(self) -> None:
        _check_match(_NAME, self.kind, "target kind")
        _check_match(_ID, self.id, "target id")


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf of the evidence log.

    `at` is RFC 3339 in UTC with whole seconds; `actor` a party id; `digests` name -> SHA-256 in 64 hex digits;
    `commitments` salted commitments in 64 hex digits; `facts` name -> text, integer or truth value.
    """

    type: EntryType
    at: str
    actor: str
    scenario: str | None = None
    job: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    commitments: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    target: Target | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.type, EntryType):
            raise LogInvalid("entry type: expected an EntryType")
        _check_instant(self.at)
        _check_match(_NAME, self.actor, "actor")
        for name, value in (("scenario", self.scenario), ("job", self.job)):
            if value is not None:
                _check_match(_ID, value, name)
        for name, digest in self.digests.items():
            _check_match(_NAME, name, "digest name")
            _check_match(_HEX, digest, f"digest `{name}`")
        for commitment in self.commitments:
            _check_match(_HEX, commitment, "commitment")
        for name, fact in self.facts.items():
            _check_match(_NAME, name, "fact name")
            _check_fact(name, fact)
        # Copies, so that no caller can change an entry after it was checked.
        object.__setattr__(self, "digests", MappingProxyType(dict(self.digests)))
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))
        object.__setattr__(self, "commitments", tuple(self.commitments))

    def to_bytes(self) -> bytes:
        """Return the canonical bytes; raise LogInvalid if they exceed 2,048."""
        fields: dict[str, object] = {"type": self.type.value, "at": self.at, "actor": self.actor}
        if self.scenario is not None:
            fields["scenario"] = self.scenario
        if self.job is not None:
            fields["job"] = self.job
        if self.digests:
            fields["digests"] = dict(self.digests)
        if self.commitments:
            fields["commitments"] = self.commitments
        if self.facts:
            fields["facts"] = dict(self.facts)
        if self.target is not None:
            fields["target"] = {"kind": self.target.kind, "id": self.target.id}
        data = _encode(fields).encode()
        if len(data) > MAX_ENTRY_BYTES:
            raise LogInvalid(f"entry: expected at most {MAX_ENTRY_BYTES} bytes, got {len(data)}")
        return data

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read canonical bytes; raise LogInvalid on anything that `to_bytes` could not have written."""
        if len(data) > MAX_ENTRY_BYTES:
            raise LogInvalid(f"entry: expected at most {MAX_ENTRY_BYTES} bytes, got {len(data)}")
        try:
            fields = _DECODER.decode(data.decode())
        except (ValueError, RecursionError):
            raise LogInvalid("entry: expected JSON without floats") from None
        entry = cls._from_fields(fields)
        # One comparison refuses what parsing forgives: duplicate keys, order, spaces, escapes, empty fields.
        if entry.to_bytes() != data:
            raise LogInvalid("entry: expected canonical bytes without duplicate keys or empty fields")
        return entry

    @classmethod
    def _from_fields(cls, fields: object) -> Self:
        if not isinstance(fields, dict):
            raise LogInvalid("entry: expected a JSON object")
        if not fields.keys() >= _REQUIRED or not fields.keys() <= _REQUIRED | _OPTIONAL:
            raise LogInvalid("entry: expected type, at, actor and no unknown field")
        target = fields.get("target")
        if target is not None and not (isinstance(target, dict) and target.keys() == {"kind", "id"}):
            raise LogInvalid("entry target: expected kind and id")
        digests, facts = fields.get("digests", {}), fields.get("facts", {})
        commitments = fields.get("commitments", [])
        if not isinstance(digests, dict) or not isinstance(facts, dict) or not isinstance(commitments, list):
            raise LogInvalid("entry: expected digests and facts to be objects and commitments a list")
        return cls(
            type=_entry_type(fields["type"]),
            at=fields["at"],
            actor=fields["actor"],
            scenario=fields.get("scenario"),
            job=fields.get("job"),
            digests=digests,
            commitments=tuple(commitments),
            facts=facts,
            target=None if target is None else Target(target["kind"], target["id"]),
        )


def instant(unix: int) -> str:
    """Return Unix seconds as the RFC 3339 text that `Entry.at` takes."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry_type(value: object) -> EntryType:
    try:
        return EntryType(value)  # type: ignore[arg-type]  # any JSON value may stand here; Enum refuses it
    except ValueError:
        raise LogInvalid("entry type: expected one of " + ", ".join(EntryType)) from None


def _check_match(pattern: re.Pattern[str], value: object, what: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise LogInvalid(f"entry {what}: expected {pattern.pattern}")


def _check_instant(value: object) -> None:
    _check_match(_AT, value, "time")
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        raise LogInvalid("entry time: expected a date that exists") from None


def _check_fact(name: str, fact: object) -> None:
    match fact:
        case bool():
            return
        case int():
            if abs(fact) > MAX_INTEGER:
                raise LogInvalid(f"entry fact `{name}`: expected an integer within 2^53 - 1")
        case str():
            if len(fact) > MAX_FACT_CHARS or not fact.isprintable():
                raise LogInvalid(
                    f"entry fact `{name}`: expected at most {MAX_FACT_CHARS} printable characters"
                )
            if any(_is_resident(number) for number in _EIGHTEEN.findall(fact)):
                raise LogInvalid(f"entry fact `{name}`: expected no resident identity number")
        case _:
            raise LogInvalid(f"entry fact `{name}`: expected text, an integer or a truth value")


def _is_resident(number: str) -> bool:
    try:
        check_resident_id(number.upper())
    except ResidentIdInvalid:
        return False
    return True


def _refuse(_: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)
# With ASCII keys and integers within 2^53 - 1 the standard encoder writes RFC 8785 bytes, ten times as fast as
# the pure Python reference; a test compares the two.
_encode: Callable[[object], str] = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
