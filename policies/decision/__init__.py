"""The decision point: facts from signed documents, decided by Cedar, and the Permit that only a decision makes.

`Case` → `facts_of` → `decide` → `Decision`; `grant` does all three and returns a `Permit` or raises `Refused`.
"""

from policies.decision.actions import Action, admission, computation, opening
from policies.decision.case import Case
from policies.decision.decide import Decision, DecisionRecord, Denial, decide, decision_record
from policies.decision.engine import Library, LibraryInvalid, product, with_extra
from policies.decision.facts import Facts, facts_of
from policies.decision.permit import Permit, Refused, decide_case, grant
from policies.decision.scope import columns_of
from policies.decision.standing import expected_roster, sealing_key_digest

__all__ = [
    "Action",
    "Case",
    "Decision",
    "DecisionRecord",
    "Denial",
    "Facts",
    "Library",
    "LibraryInvalid",
    "Permit",
    "Refused",
    "admission",
    "columns_of",
    "computation",
    "decide",
    "decide_case",
    "decision_record",
    "expected_roster",
    "facts_of",
    "grant",
    "opening",
    "product",
    "sealing_key_digest",
    "with_extra",
]
