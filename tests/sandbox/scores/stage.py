"""Scores on the shelf of a coordinator: one played job, ready to be fetched."""

from __future__ import annotations

from dataclasses import dataclass

from policies.documents.authorization import Limits
from tests.sandbox.doubles import Cast
from tests.sandbox.inside import Inside
from tests.sandbox.kit import Site
from tests.sandbox.papers import Papers, Registered, agree, consents


@dataclass(frozen=True)
class Stage:
    """A site whose `grants` have sealed scores under `papers`."""

    site: Site
    papers: Papers
    grants: list[Registered]

    @property
    def ids(self) -> list[str]:
        return [grant.id.hex() for grant in self.grants]

    @property
    def authorization(self) -> str:
        return self.papers.authorization.digest


def stage(site: Site, count: int, *, limits: Limits | None = None) -> Stage:
    """Agree, register `count` consents and play one job to its end."""
    papers = agree(site, limits=limits)
    grants = consents(site, papers, count)
    ids = [grant.id for grant in grants]
    cast = Cast(site)
    digest = cast.run(papers.job(ids), ids, seconds=60)
    if site.endpoint("partner").job(digest).state != "done":
        raise AssertionError("expected the job to end with scores")
    return Stage(site, papers, grants)


def inside_of(stage: Stage) -> Inside:
    """The site in this process."""
    if not isinstance(stage.site, Inside):
        raise TypeError("expected a site in this process")
    return stage.site
