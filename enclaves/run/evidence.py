"""What a run is decided on: its papers and the log as they were seen; and whether a log entry is what the run claims."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from enclaves.run.papers import Papers
from enclaves.witness.witness import Seen
from policies.decision.case import Case
from policies.documents.trust import TrustRoot
from policies.halts import Halts
from policies.log.entry import EntryType


def case_of(
    papers: Papers, *, trust: TrustRoot, now: datetime, halts: Halts, seen: Seen, accepted: int
) -> Case:
    """The case that enclave and gate have in common; an enclave adds what it holds."""
    return Case(
        trust=trust,
        now=now,
        actor=papers.job.submitter,
        halts=halts,
        job=papers.job_envelope,
        plan=papers.plan_envelope,
        scenario=papers.scenario_envelope,
        authorization=papers.authorization_envelope,
        overall=papers.overall_envelope,
        model=papers.evidence.model,
        report=papers.evidence.report,
        key=papers.evidence.key,
        weights=papers.evidence.weights,
        query=papers.evidence.query,
        listed=papers.evidence.listed,
        price=papers.price_envelope,
        intent_included=is_intent(papers, seen),
        checkpoint_size=seen.size,
        checkpoint_age_s=seen.age_s,
        slots_accepted=accepted,
    )


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
