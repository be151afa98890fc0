"""What has been stopped: suspensions, revocations, withdrawals and supersessions, replayed from the log.

Rules:
1. A halt takes effect for a party when its own replay meets the entry; nothing lifts it. Resuming needs new documents,
   signed by all (design.md §5), and so another digest.
2. Entries of other types change nothing. A halting entry that does not say what it halts is refused, so that a witness
   which does not understand it does not cosign past it.
3. A `document` entry that names a complete successor (`digests.supersedes`, fact `complete` true) ends the predecessor.

Entries name: `suspension` and `revocation` a target {kind, id}; `withdrawal` the commitments of consents. Whether the
party was entitled is checked before an entry is written (`policies.authorization`); a false entry can only stop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from policies.documents.halts import RevocationTarget, SuspensionTarget
from policies.documents.strict_json import Json
from policies.errors import PolicyError
from policies.log.entry import Entry, EntryType, Target

Halted = tuple[str, str]
"""Kind and id of what is halted."""

_HALTING = frozenset({EntryType.SUSPENSION, EntryType.REVOCATION, EntryType.WITHDRAWAL, EntryType.DOCUMENT})
_MEMBERS = frozenset({"suspended", "revoked", "withdrawn", "superseded"})


class HaltsInvalid(PolicyError):
    """A halting entry without a target, or a stored state that cannot be read."""

    code = "halts_invalid"


@dataclass(frozen=True, slots=True)
class Halts:
    """Everything a log has stopped up to one entry."""

    suspended_targets: frozenset[Halted] = frozenset()
    revoked_targets: frozenset[Halted] = frozenset()
    withdrawals: frozenset[str] = frozenset()
    """Salted commitments of withdrawn consents, 64 hex digits."""
    superseded_documents: frozenset[str] = frozenset()

    def apply(self, entry: Entry) -> Halts:
        """The state after one more entry."""
        return self.replay((entry,))

    def replay(self, entries: Iterable[Entry]) -> Halts:
        """The state after `entries`, in order; one pass, so that a long log does not copy the sets per entry."""
        halting = [entry for entry in entries if entry.type in _HALTING]
        if not halting:
            return self
        suspended, revoked = set(self.suspended_targets), set(self.revoked_targets)
        withdrawn, superseded = set(self.withdrawals), set(self.superseded_documents)
        for entry in halting:
            match entry.type:
                case EntryType.SUSPENSION:
                    suspended.add(_target(entry, frozenset(SuspensionTarget)))
                case EntryType.REVOCATION:
                    revoked.add(_target(entry, frozenset({RevocationTarget.MODEL, RevocationTarget.KEY})))
                case EntryType.WITHDRAWAL:
                    if not entry.commitments:
                        raise HaltsInvalid("expected a withdrawal with commitments, got none")
                    withdrawn.update(entry.commitments)
                case EntryType.DOCUMENT if entry.facts.get("complete") is True:
                    superseded.update(filter(None, [entry.digests.get("supersedes")]))
                case _:
                    pass
        return Halts(frozenset(suspended), frozenset(revoked), frozenset(withdrawn), frozenset(superseded))

    def suspended(self, kind: str, target_id: str) -> bool:
        """Whether a document (kind and digest) or a party (`party` and id) is suspended."""
        return (kind, target_id) in self.suspended_targets

    def revoked(self, kind: str, target_id: str) -> bool:
        """Whether a `model` (digest) or a `key` (key id) is revoked."""
        return (kind, target_id) in self.revoked_targets

    def withdrawn(self, commitment: str) -> bool:
        """Whether the consent behind this salted commitment was withdrawn."""
        return commitment in self.withdrawals

    def superseded(self, digest: str) -> bool:
        """Whether a completely signed successor replaced this document."""
        return digest in self.superseded_documents

    @property
    def revoked_keys(self) -> frozenset[str]:
        """Key ids whose signatures count no more."""
        return frozenset(key for kind, key in self.revoked_targets if kind == RevocationTarget.KEY)

    def to_json(self) -> dict[str, Json]:
        """A JSON object that `from_json` reads back."""
        return {
            "suspended": [list(target) for target in sorted(self.suspended_targets)],
            "revoked": [list(target) for target in sorted(self.revoked_targets)],
            "withdrawn": list[Json](sorted(self.withdrawals)),
            "superseded": list[Json](sorted(self.superseded_documents)),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what `to_json` wrote; `HaltsInvalid` for anything else."""
        if not isinstance(value, dict) or set(value) != _MEMBERS:
            raise HaltsInvalid(f"expected the members {', '.join(sorted(_MEMBERS))}, got others")
        return cls(
            frozenset(_pairs(value["suspended"])),
            frozenset(_pairs(value["revoked"])),
            frozenset(_texts(value["withdrawn"])),
            frozenset(_texts(value["superseded"])),
        )


def _target(entry: Entry, kinds: frozenset[str]) -> Halted:
    match entry.target:
        case Target(kind=kind, id=target_id) if kind in kinds:
            return kind, target_id
        case _:
            raise HaltsInvalid(
                f"expected a {entry.type} of one of {', '.join(sorted(kinds))}, got none or another"
            )


def _texts(value: Json) -> list[str]:
    if not isinstance(value, list):
        raise HaltsInvalid("expected a list of texts, got something else")
    texts = [item for item in value if isinstance(item, str)]
    if len(texts) != len(value):
        raise HaltsInvalid("expected a list of texts, got something else")
    return texts


def _pairs(value: Json) -> list[Halted]:
    if not isinstance(value, list):
        raise HaltsInvalid("expected a list of targets, got something else")
    pairs = []
    for item in value:
        match item:
            case [str(kind), str(target_id)]:
                pairs.append((kind, target_id))
            case _:
                raise HaltsInvalid("expected a target of kind and id, got something else")
    return pairs
