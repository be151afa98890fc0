"""Whose answers are put together: one account for everybody who could compare notes.

The atom rule protects against one reader of many answers. A reader is an organization, not a party: processes and officers
belong to their owner, and the partner's answers and those it sends to a recipient meet at the recipient too. So an answer
is weighed on the account of the organization that asks; a recipient of another organization has an account of its own, and
the answer is weighed on both (protocols.md section 6.3: per partner, affiliates and scenarios included).
"""

from __future__ import annotations

from policies.documents.trust import TrustRoot


def organization(trust: TrustRoot, party: str) -> str:
    """The organization a party answers for: its owner, or itself."""
    entry = trust.party(party)
    return party if entry is None or entry.owner is None else entry.owner


def accounts_of(trust: TrustRoot, *, partner: str, submitter: str, recipient: str) -> tuple[str, ...]:
    """The accounts an answer is weighed on, sorted."""
    return tuple(sorted({organization(trust, party) for party in (partner, submitter, recipient)}))
