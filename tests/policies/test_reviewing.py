"""Two reviewers of two organizations, and no rejection: every paper that must not count is tried once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.documents.envelope import Envelope
from policies.documents.fields import Bilingual
from policies.documents.job import TableRelease
from policies.documents.review import Finding, OutputReview
from policies.documents.trust import PartyEntry, Role
from policies.keys import public_key
from policies.reviewing import (
    ReviewMissing,
    ReviewRejected,
    check_reviewed,
    organization_of,
    reviewers_of,
)
from tests.sandbox.kit import both, key_of, trust_root
from tests.sandbox.papers import digest_of

TRUST = trust_root()
AT = "2026-11-24T00:00:00Z"
COPIES = ("enclave-hospital", "enclave-social", "examiner")


def release(*reviewers: str, name: str = "table") -> TableRelease:
    return TableRelease.from_body(
        {
            "id": name,
            "gate": "gate",
            "run": digest_of("run"),
            "job": digest_of("job"),
            "authorization": digest_of("authorization"),
            "query": digest_of("query"),
            "recipient": "insurer",
            "recipient_sealing_key": digest_of("key"),
            "cells": 4,
            "report": digest_of("report"),
            "sealed": {"sha256": digest_of("sealed"), "size": 100, "expires_at": AT},
            "review": bool(reviewers),
            "reviewers": [{"reviewer": r, "sha256": digest_of(r)} for r in sorted(reviewers)],
            "issued_at": AT,
        }
    )


TABLE = release(*COPIES)


def review(
    reviewer: str,
    finding: Finding = Finding.APPROVE,
    *,
    about: str = TABLE.digest,
    by: str | None = None,
    number: int = 1,
) -> Envelope:
    document = OutputReview(
        id=f"review-{reviewer}-{number}",
        reviewer=reviewer,
        release=about,
        finding=finding,
        reason=Bilingual(zh="看过", en="seen"),
        reviewed_at=AT,
    )
    return document.envelope(key_of(by or reviewer))


def passes(reviews: Sequence[Envelope], table: TableRelease = TABLE) -> bool:
    try:
        check_reviewed(table, reviews, TRUST)
    except (ReviewMissing, ReviewRejected):
        return False
    return True


def test_two_approvals_of_two_organizations_let_a_table_leave() -> None:
    assert passes([review("hospital"), review("examiner")])
    assert passes([review("hospital"), review("social")])


def test_a_release_that_asks_for_no_review_needs_none() -> None:
    assert passes([], release())


def test_a_rejection_says_whose_and_why() -> None:
    with pytest.raises(ReviewRejected) as rejected:
        check_reviewed(TABLE, [review("hospital", Finding.REJECT)], TRUST)
    assert rejected.value.code == "review_rejected"
    assert (rejected.value.review.reviewer, rejected.value.review.reason.zh) == ("hospital", "看过")


def test_a_rejection_counts_whoever_approved_and_in_whatever_order() -> None:
    approved = [review("hospital"), review("examiner"), review("social")]
    own = review("hospital", Finding.REJECT, number=2)
    assert not passes([*approved, own])
    assert not passes([own, *approved])


@pytest.mark.parametrize(
    "second",
    [
        review("hospital"),
        review("hospital", number=2),
        review("social", about=release(*COPIES, name="another").digest),
        review("social", by="hospital"),
        review("transport"),
        review("insurer"),
        review("partner"),
        review("agency"),
        review("enclave-social"),
        review("gate"),
    ],
    ids=[
        "the same paper twice",
        "the same reviewer twice",
        "another release",
        "signed by another",
        "a department that was not asked",
        "the recipient",
        "the partner",
        "the examiner's agency",
        "an enclave for itself",
        "the gate",
    ],
)
def test_a_paper_that_does_not_count_is_no_second_approval(second: Envelope) -> None:
    with pytest.raises(ReviewMissing):
        check_reviewed(TABLE, [review("hospital"), second], TRUST)


@pytest.mark.parametrize(
    "stranger",
    [
        review("transport", Finding.REJECT),
        review("insurer", Finding.REJECT),
        review("social", Finding.REJECT, by="insurer"),
        review("social", Finding.REJECT, about=digest_of("another release")),
    ],
)
def test_nobody_stops_a_table_with_a_paper_that_is_not_theirs(stranger: Envelope) -> None:
    assert passes([review("hospital"), review("examiner"), stranger])


def test_a_changed_byte_makes_a_review_none() -> None:
    good = review("social")
    body = good.body.replace(b"seen", b"sEEn")
    forged = Envelope(good.payload_type, body, good.signatures)
    assert not passes([review("hospital"), forged])


def test_a_revoked_key_approves_nothing() -> None:
    revoked = frozenset({public_key(key_of("social")).keyid})
    with pytest.raises(ReviewMissing):
        check_reviewed(TABLE, [review("hospital"), review("social")], TRUST, revoked_keys=revoked)


def test_copies_say_who_may_review_and_for_whom() -> None:
    assert reviewers_of(TABLE, TRUST) == {"hospital": "hospital", "social": "social", "examiner": "agency"}
    assert reviewers_of(release("insurer", "partner", "unknown"), TRUST) == {}


def test_two_officers_of_one_organization_are_one_voice() -> None:
    def party(name: str, owner: str | None) -> PartyEntry:
        return PartyEntry(
            id=name,
            role=Role.DEPARTMENT,
            owner=owner,
            name=both(name),
            identity_key=public_key(key_of(name)).to_base64(),
            document=digest_of(name),
        )

    assert organization_of(party("one", "agency")) == organization_of(party("two", "agency")) == "agency"
    assert organization_of(party("hospital", None)) == "hospital"
    departments = {"hospital": "agency", "social": "agency"}
    owned = TRUST.model_copy(
        update={
            "parties": tuple(
                p.model_copy(update={"owner": departments.get(p.id, p.owner)}) for p in TRUST.parties
            )
        }
    )
    with pytest.raises(ReviewMissing):
        check_reviewed(TABLE, [review(n) for n in ("hospital", "social", "examiner")], owned)


WORDS = st.sampled_from(
    [review(n, f) for n in ("hospital", "social", "examiner", "transport") for f in Finding]
)


@settings(max_examples=20)
@given(st.lists(WORDS, max_size=6), st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(reviews: list[Envelope], random: object) -> None:
    shuffled = [*reviews, *reviews[:2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert passes(shuffled) == passes(reviews)


@settings(max_examples=20)
@given(st.lists(WORDS, max_size=6))
def test_it_passes_exactly_with_two_approvers_among_the_named_and_no_named_rejection(
    reviews: list[Envelope],
) -> None:
    said = [OutputReview.read(r) for r in reviews if OutputReview.read(r).reviewer != "transport"]
    approvers = {r.reviewer for r in said if r.finding is Finding.APPROVE}
    rejected = any(r.finding is Finding.REJECT for r in said)
    assert passes(reviews) == (len(approvers) >= 2 and not rejected)
