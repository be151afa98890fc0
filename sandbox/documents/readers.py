"""Who may read which document: papers of the district are for every party, papers of a job for those it concerns.

- Agreements, catalogue, models (public heads), prices, trust: every party.
- Job, release, receipt and consent heads: those who oversee or run the district, and the partner, insurer or consent
  service that the document names.
- Plans, keys and messages of a run, and what a vet job found: those who oversee or run the district alone. The partner
  hears of a vet job from the examiner's report.

A document that may not be read looks like one that is not there.
"""

from __future__ import annotations

from typing import Final

from policies.documents.document import Document
from policies.documents.trust import Role

OUTSIDERS: Final = frozenset({Role.PARTNER, Role.INSURER, Role.CONSENT_SERVICE})
"""Roles that see their own business only; all others oversee the district or run its jobs."""
OF_A_JOB: Final[dict[str, tuple[str, ...]]] = {
    "job": ("submitter", "recipient"),
    "release": ("recipient",),
    "receipt": ("recipient",),
    "consent": ("service", "recipient"),
    "plan": (),
    "he-key": (),
    "boot": (),
    "bundle": (),
    "transcript": (),
    "contribution": (),
    "vet-metrics": (),
    "vet-bands": (),
}
"""Kind → the members that name an outsider who may read it."""


def may_read(document: Document, *, party: str, role: Role) -> bool:
    """Whether `party` in `role` may read `document`."""
    names = OF_A_JOB.get(document.kind)
    if names is None or role not in OUTSIDERS:
        return True
    return any(getattr(document, name) == party for name in names)
