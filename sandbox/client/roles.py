"""Roles without a room of their own, and the class that belongs to a role."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

from enclaves.transport.party import PartyConfig
from policies.documents.strict_json import Json
from policies.documents.trust import Role
from sandbox.client.auditor import Auditor, Ledger
from sandbox.client.consent_service import ConsentService
from sandbox.client.examiner import Examiner
from sandbox.client.insurer import Insurer
from sandbox.client.member import Member
from sandbox.client.partner import Partner


class Department(Ledger):
    """A source department: registers data sets, signs scenarios and authorizations, may stop any of them alone."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.DEPARTMENT})


class Agency(Ledger):
    """The implementing agency: signs, and may stop anything."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.AGENCY})


class Operator(Ledger):
    """The operator: signs, meters, invoices."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OPERATOR})

    def invoices(self, period: str) -> dict[str, dict[str, Json]]:
        """The invoice of every recipient for a month."""
        recipients = [p.id for p in self.trust.parties if p.role is Role.INSURER]
        return {recipient: self.invoice(recipient, period) for recipient in recipients}


_CLASSES: Final[Mapping[Role, type[Member]]] = MappingProxyType(
    {
        Role.PARTNER: Partner,
        Role.INSURER: Insurer,
        Role.DEPARTMENT: Department,
        Role.AGENCY: Agency,
        Role.EXAMINER: Examiner,
        Role.OPERATOR: Operator,
        Role.CONSENT_SERVICE: ConsentService,
        Role.AUDITOR: Auditor,
    }
)


def member_of(directory: Path) -> Member:
    """The party whose folder is `directory`, as an object of its role's class."""
    config = PartyConfig.load(directory / "client.toml")
    entry = config.trust().party(config.party)
    kind = _CLASSES.get(entry.role, Member) if entry else Member
    return kind.open(directory)
