"""Whether people let a table leave (L8): two reviewers of two organizations have approved it, and none has rejected it.

Rules:
1. A review counts only if the reviewer it names signed it with a key that is not revoked, and if it is about this very
   release. Whatever does not count is passed over: nobody can stop or wave through a table with a paper that is not theirs.
2. Who may review are those the table was shown to: the release names a copy for each. The examiner reviews for the agency;
   a department reviews for itself, its copy being sealed to its enclave. The gate makes copies for the departments whose
   domains were asked and for the examiner, and for nobody else.
3. Approvals count by organization, which is a party's `owner` or the party itself: two officers of one are one voice.
4. One rejection that counts ends it, whoever else approved, and also where its own reviewer approved before.

Coordinator and gate ask this for themselves. Follows protocols.md section 6 (L8); what a review says is
`policies.documents.review`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from policies.authorization import NO_KEYS, missing_signers
from policies.documents.envelope import Envelope
from policies.documents.job import TableRelease
from policies.documents.review import Finding, OutputReview
from policies.documents.trust import PartyEntry, Role, TrustRoot
from policies.errors import PolicyError

MIN_ORGANIZATIONS: Final = 2


class ReviewMissing(PolicyError):
    """A table that two reviewers of two organizations have not approved yet."""

    code = "review_missing"


class ReviewRejected(PolicyError):
    """A table that a reviewer rejected; `review` says who and why."""

    code = "review_rejected"

    def __init__(self, review: OutputReview) -> None:
        self.review: Final = review
        super().__init__(f"expected no rejection, got one by `{review.reviewer}`")


def check_reviewed(
    release: TableRelease,
    reviews: Sequence[Envelope],
    trust: TrustRoot,
    *,
    revoked_keys: frozenset[str] = NO_KEYS,
) -> None:
    """Raise `ReviewRejected` or `ReviewMissing` unless `release` needs no review or has passed it.

    `reviews` are envelopes of `output-review` documents as they came, in any order; repeats change nothing.
    """
    if not release.review:
        return
    counted = list(_counted(release, reviews, trust, revoked_keys=revoked_keys))
    # Rejections first: an approval that came earlier must not hide one.
    for review in counted:
        if review.finding is Finding.REJECT:
            raise ReviewRejected(review)
    named = reviewers_of(release, trust)
    approving = {named[review.reviewer] for review in counted}
    if len(approving) < MIN_ORGANIZATIONS:
        raise ReviewMissing(f"expected approvals by {MIN_ORGANIZATIONS} organizations, got {len(approving)}")


def reviewers_of(release: TableRelease, trust: TrustRoot) -> dict[str, str]:
    """Party → organization of everybody who may review `release`: the examiner, or the department of an enclave."""
    holders = [party for copy in release.reviewers if (party := trust.party(copy.reviewer)) is not None]
    named = [reviewer for party in holders if (reviewer := _reviewer(party, trust)) is not None]
    return {reviewer.id: organization_of(reviewer) for reviewer in named}


def organization_of(party: PartyEntry) -> str:
    """The organization a party speaks for: its owner, or itself where it belongs to none."""
    return party.owner or party.id


def _reviewer(holder: PartyEntry, trust: TrustRoot) -> PartyEntry | None:
    """Who reviews the copy that `holder` can open."""
    match holder.role:
        case Role.EXAMINER:
            return holder
        case Role.ENCLAVE if holder.owner is not None:
            return trust.party(holder.owner)
        case _:
            return None


def _counted(
    release: TableRelease, reviews: Sequence[Envelope], trust: TrustRoot, *, revoked_keys: frozenset[str]
) -> Iterator[OutputReview]:
    digest, named = release.digest, reviewers_of(release, trust)
    for envelope in reviews:
        try:
            review = OutputReview.read(envelope)
            missing = missing_signers(envelope, review, trust, revoked_keys=revoked_keys)
        except PolicyError:
            continue
        if not missing and review.release == digest and review.reviewer in named:
            yield review
