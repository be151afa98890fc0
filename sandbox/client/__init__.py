"""The Python SDK: one class for each role, typed and synchronous.

    from sandbox.client import Insurer
    scores = Insurer.open(Path("insurer")).fetch(authorization, consents)

Everything is checked on this side against the pinned trust root; nothing asks anyone to trust the coordinator.
"""

from sandbox.client.auditor import Auditor
from sandbox.client.consent_service import ConsentService
from sandbox.client.examiner import Examiner
from sandbox.client.insurer import Insurer
from sandbox.client.member import Member
from sandbox.client.partner import Partner
from sandbox.client.reviewer import Reviewer
from sandbox.client.roles import Agency, Department, Operator, member_of

__all__ = [
    "Agency",
    "Auditor",
    "ConsentService",
    "Department",
    "Examiner",
    "Insurer",
    "Member",
    "Operator",
    "Partner",
    "Reviewer",
    "member_of",
]
