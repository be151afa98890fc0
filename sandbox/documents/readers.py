"""Who may read which document: papers of the district are for every party, papers of a job for those it concerns.

- Agreements, catalogue, models (public heads), prices, trust: every party.
- Job, release, receipt and consent heads: those who oversee or run the district, and the partner, insurer or consent
  service that the document names.
- Encrypted weights: those who oversee or run the district, and the partner whose model it is.
- Queries: the same, and the recipients of the scenario they are asked under.
- Reviews of a table: those who oversee or run the district. What a reviewer wrote may say something of the table; the
  submitter reads the reason of a rejection in the state of the job.
- Plans, keys and messages of a run, and what a vet job found: those who oversee or run the district alone. The partner
  hears of a vet job from the examiner's report.

A document that may not be read looks like one that is not there.
"""

from __future__ import annotations

from typing import Final

from policies.documents.authorization import Scenario
from policies.documents.document import Document
from policies.documents.trust import Role

OUTSIDERS: Final = frozenset({Role.PARTNER, Role.INSURER, Role.CONSENT_SERVICE})
"""Roles that see their own business only; all others oversee the district or run its jobs."""
OF_A_JOB: Final[dict[str, tuple[str, ...]]] = {
    "job": ("submitter", "recipient"),
    "query": ("partner",),
    "release": ("recipient",),
    "table-release": ("recipient",),
    "output-review": (),
    "receipt": ("recipient",),
    "consent": ("service", "recipient"),
    "plan": (),
    "he-key": (),
    "boot": (),
    "bundle": (),
    "transcript": (),
    "contribution": (),
    "encrypted-weights": ("partner",),
    "vet-metrics": (),
    "vet-bands": (),
}
"""Kind → the members that name an outsider who may read it."""


def may_read(document: Document, *, party: str, role: Role, scenario: Scenario | None = None) -> bool:
    """Whether `party` in `role` may read `document`; `scenario` is that of a paper which its recipients may read too."""
    names = OF_A_JOB.get(document.kind)
    if names is None or role not in OUTSIDERS:
        return True
    if scenario is not None and party in scenario.recipients:
        return True
    return any(getattr(document, name) == party for name in names)
