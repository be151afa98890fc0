"""Reviews of tables before they leave (L8): who may post one, and what it does to the job, in one transaction.

Rules this module decides:

- A review is posted like any document, for a reviewer the release was shown to and who is not suspended, nor the
  reviewer's organization, while the release is under review.
  The same review again is a repeat and changes nothing, even after the job has moved on.
- A reviewer has one word of each kind: who approved may still reject, and nobody approves twice.
- When the review completes what `policies.reviewing` asks for, the job goes on; when it rejects, the job is refused with the
  reviewer's reason. A table that was rejected is never handed over, in no later attempt of this job either: the job ends.
"""

from __future__ import annotations

from sqlalchemy import insert, select

from policies.authorization import check_signed
from policies.documents.envelope import Envelope
from policies.documents.halts import SuspensionTarget
from policies.documents.job import TableRelease
from policies.documents.review import OutputReview
from policies.documents.strict_json import Json
from policies.reviewing import ReviewMissing, ReviewRejected, check_reviewed, reviewers_of
from sandbox.district import District
from sandbox.documents import registry
from sandbox.jobs import rows
from sandbox.jobs.errors import ReviewNotAllowed, RunConflict
from sandbox.jobs.orchestrator import fire
from sandbox.jobs.rows import JobRow
from sandbox.jobs.states import Event, State
from sandbox.store.database import Transaction
from sandbox.store.tables import output_reviews


def check_review(district: District, transaction: Transaction, envelope: Envelope) -> None:
    """Raise a refusal unless `envelope`, an output review, may be posted now."""
    connection = transaction.connection
    if registry.find(connection, envelope.digest) is not None:
        return
    review = OutputReview.read(envelope)
    check_signed(envelope, review, district.trust, revoked_keys=district.halts.revoked_keys)
    release = TableRelease.read(registry.get(connection, review.release).envelope)
    named = reviewers_of(release, district.trust)
    if review.reviewer not in named:
        raise ReviewNotAllowed(f"expected a reviewer of this table, got `{review.reviewer}`")
    for party in (review.reviewer, named[review.reviewer]):
        if district.halts.suspended(SuspensionTarget.PARTY, party):
            raise ReviewNotAllowed(f"expected a reviewer in good standing, got `{party}` suspended")
    if _under_review(transaction, review.release) is None:
        raise ReviewNotAllowed("expected a release that is under review, got another")
    said = select(output_reviews.c.review).where(
        output_reviews.c.release == review.release,
        output_reviews.c.reviewer == review.reviewer,
        output_reviews.c.finding == review.finding,
    )
    if connection.execute(said).first() is not None:
        raise RunConflict(
            f"expected one word of `{review.reviewer}` on this table, got a second, different one"
        )


def take_review(district: District, transaction: Transaction, envelope: Envelope) -> None:
    """Count a stored review and move the job on if it is complete; a repeat does nothing."""
    connection = transaction.connection
    review = OutputReview.read(envelope)
    known = select(output_reviews.c.review).where(output_reviews.c.review == envelope.digest)
    job = _under_review(transaction, review.release)
    if job is None or connection.execute(known).first() is not None:
        return
    connection.execute(
        insert(output_reviews).values(
            release=review.release,
            reviewer=review.reviewer,
            finding=review.finding.value,
            review=envelope.digest,
        )
    )
    release = TableRelease.read(registry.get(connection, review.release).envelope)
    reviews = rows.reviews_of(connection, review.release)
    try:
        check_reviewed(release, reviews, district.trust, revoked_keys=district.halts.revoked_keys)
    except ReviewMissing:
        return
    except ReviewRejected as rejected:
        reason = _reason(rejected)
        fire(district, transaction, job, Event.POLICY_REFUSED, reason=reason)
        return
    fire(district, transaction, job, Event.REVIEWED)


def _under_review(transaction: Transaction, release: str) -> JobRow | None:
    """The job whose current run waits for reviews of this very release."""
    job = rows.of_release(transaction.connection, release)
    return job if job is not None and job.state is State.REVIEW else None


def _reason(rejected: ReviewRejected) -> dict[str, Json]:
    review = rejected.review
    return {
        "code": rejected.code,
        "policy": "output-review",
        "reason": {"zh": review.reason.zh, "en": review.reason.en},
        "change": {
            "zh": "按审查意见修改查询后重新提交作业",
            "en": "change the query as the reviewer says and submit a new job",
        },
        "where": "release",
        "by": review.reviewer,
    }
