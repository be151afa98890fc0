"""Who takes part in the demo: every party with its own keys, opened from its own folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sandbox.client import (
    Agency,
    Auditor,
    ConsentService,
    Department,
    Examiner,
    Insurer,
    Member,
    Operator,
    Partner,
)
from sandbox.demo.declarations import DEPARTMENTS
from sandbox.founding import FoundedDistrict


@dataclass(frozen=True, slots=True)
class Cast:
    """The parties a person or an office acts as; enclaves, gate and coordinator are processes."""

    operator: Operator
    agency: Agency
    examiner: Examiner
    departments: dict[str, Department]
    partner: Partner
    insurer: Insurer
    consent_service: ConsentService
    auditor: Auditor

    @classmethod
    def of(cls, district: FoundedDistrict) -> Self:
        folder = district.folder
        return cls(
            operator=Operator.open(folder("operator")),
            agency=Agency.open(folder("agency")),
            examiner=Examiner.open(folder("examiner")),
            departments={name: Department.open(folder(name)) for name in DEPARTMENTS},
            partner=Partner.open(folder("partner")),
            insurer=Insurer.open(folder("insurer")),
            consent_service=ConsentService.open(folder("consent-service")),
            auditor=Auditor.open(folder("auditor")),
        )

    @property
    def signers(self) -> tuple[Member, ...]:
        """All who sign scenarios and authorizations beside the one who drafts them, the partner."""
        return (*self.departments.values(), self.agency, self.operator)
