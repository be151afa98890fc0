"""Whether a proven log entry is the intent or the outcome that a run claims."""

from __future__ import annotations

from collections.abc import Mapping

from enclaves.run.papers import Papers
from enclaves.witness.witness import Seen
from policies.log.entry import EntryType


def is_intent(papers: Papers, seen: Seen) -> bool:
    """Whether the entry is the intent of this very job, with its scenario, authorization and model."""
    plan = papers.plan
    named = {"job": plan.job, "scenario": plan.scenario, **plan.cited_work}
    if plan.authorization is not None:
        named["authorization"] = plan.authorization
    return names(seen, EntryType.INTENT, named)


def names(seen: Seen, kind: EntryType, digests: Mapping[str, str]) -> bool:
    """Whether the entry is of `kind` and states all of `digests`."""
    stated = seen.entry.digests
    return seen.entry.type is kind and all(stated.get(name) == digest for name, digest in digests.items())
