"""Attack A14 at the fetch: take a score for which the person never consented, or does not consent any more.

The score is already sealed to the recipient, so that the last look before it is handed over is the last chance. The naive
store looks once, when the score is made; whoever holds the id has the score for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from enclaves.transport.endpoint import FetchRefused
from enclaves.transport.problem import Refused
from policies.documents.fields import Bilingual
from policies.documents.halts import Revocation, RevocationTarget
from policies.documents.strict_json import Json
from policies.log.entry import EntryType
from sandbox.store.tables import usage_events
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import consents
from tests.sandbox.scores.stage import Stage, inside_of, stage


@dataclass
class NaiveStore:
    """Keeps a score under its consent and hands it to whoever names it."""

    scores: dict[str, bytes] = field(default_factory=dict)

    def fetch(self, consent: str) -> bytes | None:
        return self.scores.get(consent)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with inside(Path(tmp_path_factory.mktemp("a14"))) as site:
        yield stage(site, 4)


def take(played: Stage, consent: str, name: str = "insurer") -> bytes:
    """The sealed score; raises `Refused`."""
    [result] = played.site.endpoint(name).fetch_scores(played.authorization, [consent]).results
    assert not isinstance(result, FetchRefused)
    return result.sealed


def withdraw(played: Stage, number: int) -> None:
    document = Revocation(
        id=f"withdrawal-{number}",
        target=RevocationTarget.CONSENT,
        digests=(played.grants[number].commitment,),
        by="consents",
        reason=Bilingual(zh="撤回", en="withdrawn"),
        at="2026-11-24T00:00:00Z",
    )
    played.site.endpoint("consents").post_document(document.envelope(key_of("consents")))


def billed(site: Inside) -> int:
    return site.count(usage_events)


def test_the_naive_store_hands_out_a_score_after_the_withdrawal(played: Stage) -> None:
    naive = NaiveStore({played.ids[0]: take(played, played.ids[0])})
    assert naive.fetch(played.ids[0]) is not None


@pytest.mark.req("RQ-299")
def test_a_score_without_consent_is_not_handed_out(played: Stage) -> None:
    site = inside_of(played)
    before = billed(site)
    with pytest.raises(Refused, match="consent_missing"):
        take(played, "ab" * 16)
    [other] = consents(site, played.papers, 1, recipient="other-insurer")
    with pytest.raises(Refused, match="consent_missing"):
        take(played, other.id.hex())
    with pytest.raises(Refused, match="consent_missing"):
        take(played, played.ids[0], name="other-insurer")
    assert billed(site) == before


@pytest.mark.req("RQ-299", "RQ-169")
def test_a_score_whose_consent_is_withdrawn_is_not_handed_out_again(played: Stage) -> None:
    site = inside_of(played)
    assert take(played, played.ids[1])
    before, size = billed(site), site.log_size()
    withdraw(played, 1)
    with pytest.raises(Refused, match="consent_withdrawn"):
        take(played, played.ids[1])
    site.restart()
    with pytest.raises(Refused, match="consent_withdrawn"):
        take(played, played.ids[1])
    assert billed(site) == before
    types = [entry.type for entry in site.entries(size)]
    assert types.count(EntryType.WITHDRAWAL) == 1
    assert types.count(EntryType.REFUSAL) == 2
    assert take(played, played.ids[2])


@pytest.mark.req("RQ-299")
def test_another_party_withdraws_nothing_and_nothing_is_granted_back(played: Stage) -> None:
    withdraw(played, 3)
    site = inside_of(played)
    item: dict[str, Json] = {
        "id": played.ids[3],
        "expires_at": played.grants[3].expires_at,
        "commitment": "ab" * 32,
    }
    again = consents(site, played.papers, 1)
    assert again[0].id.hex() != played.ids[3]
    with pytest.raises(Refused):
        site.endpoint("insurer").post_json("/v1/consents", {"consent": {}, "items": [item]})
    with pytest.raises(Refused, match="consent_withdrawn"):
        take(played, played.ids[3])


@pytest.mark.req("RQ-299")
def test_a_score_whose_consent_has_expired_is_not_handed_out(played: Stage) -> None:
    site = inside_of(played)
    before = billed(site)
    site.offset = played.grants[0].expires_at - site.district.now + 1
    with pytest.raises(Refused, match="consent_expired"):
        take(played, played.ids[0])
    assert billed(site) == before
