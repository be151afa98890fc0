"""Who is who: party documents and the trust root that pins them.

The trust root names the log, its key, every party's keys, the witness set and the quorum; its digest is pinned by every
process and is entry 0 of the log (design.md §6). Agency and operator sign it; a change needs those two, the party
concerned and a quorum of the old witnesses.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from policies.documents.document import Document, Term
from policies.documents.fields import Bilingual, Party, PublicKey, Record, SealingKey, Sha256, ShortText
from policies.keys import IdentityKey


class Role(StrEnum):
    """What a party does in the district."""

    OPERATOR = "operator"
    COORDINATOR = "coordinator"
    AGENCY = "agency"
    EXAMINER = "examiner"
    GATE = "gate"
    DEPARTMENT = "department"
    ENCLAVE = "enclave"
    PARTNER = "partner"
    INSURER = "insurer"
    CONSENT_SERVICE = "consent-service"
    AUDITOR = "auditor"
    AUTHORITY = "authority"


class PartyDocument(Document):
    """A party's own statement of its name and keys, signed by the key it states (proof of possession)."""

    kind: ClassVar[str] = "party"

    name: Bilingual
    role: Role
    owner: Party | None = None
    """For a process or an officer: the organization it belongs to."""
    responsible: ShortText
    identity_key: PublicKey
    sealing_key: SealingKey | None = None


class PartyEntry(Record):
    """A party as the trust root pins it."""

    id: Party
    role: Role
    owner: Party | None = None
    name: Bilingual
    identity_key: PublicKey
    sealing_key: SealingKey | None = None
    document: Sha256

    @property
    def key(self) -> IdentityKey:
        return IdentityKey.from_base64(self.identity_key)


class LogIdentity(Record):
    """The evidence log's origin line and key."""

    origin: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./-]{2,100}$")]
    key: PublicKey


class TrustRoot(Document):
    """The pinned root of everything a process believes."""

    kind: ClassVar[str] = "trust-root"

    version: Annotated[int, Field(ge=1)]
    district: Bilingual
    log: LogIdentity
    parties: Annotated[tuple[PartyEntry, ...], Field(min_length=2, max_length=32)]
    witnesses: Annotated[tuple[Party, ...], Field(min_length=1, max_length=32)]
    quorum: Annotated[int, Field(ge=1)]
    term: Term
    supersedes: Sha256 | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        ids = [party.id for party in self.parties]
        if len(set(ids)) != len(ids):
            raise ValueError("expected each party once")
        keys = [party.identity_key for party in self.parties] + [self.log.key]
        if len(set(keys)) != len(keys):
            raise ValueError("expected a key of its own for each party and for the log")
        if len(set(self.witnesses)) != len(self.witnesses) or not set(self.witnesses) <= set(ids):
            raise ValueError("expected distinct witnesses among the parties")
        if not 2 * len(self.witnesses) // 3 + 1 <= self.quorum <= len(self.witnesses):
            raise ValueError("expected a quorum of at least floor(2m/3)+1 of m witnesses")
        for party in self.parties:
            if party.owner is not None and party.owner not in ids:
                raise ValueError("expected every owner among the parties")
        departments = {party.id for party in self.parties if party.role is Role.DEPARTMENT}
        owners = [party.owner for party in self.parties if party.role is Role.ENCLAVE]
        if len(set(owners)) != len(owners) or not departments.issuperset(owners):
            raise ValueError("expected each enclave to belong to a department of its own")
        for role in (Role.OPERATOR, Role.COORDINATOR, Role.AGENCY, Role.EXAMINER, Role.GATE):
            if sum(party.role is role for party in self.parties) != 1:
                raise ValueError(f"expected exactly one party with the role {role}")
        return self

    def party(self, party_id: str) -> PartyEntry | None:
        return next((party for party in self.parties if party.id == party_id), None)

    def sole(self, role: Role) -> PartyEntry:
        """The one party with a role that exists once: operator, coordinator, agency, examiner, gate."""
        return next(party for party in self.parties if party.role is role)

    def enclave_of(self, department: str) -> PartyEntry | None:
        return next((p for p in self.parties if p.role is Role.ENCLAVE and p.owner == department), None)
