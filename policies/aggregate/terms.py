"""The disclosure profile of an authorization: the product's limits, tightened as its signers agreed."""

from __future__ import annotations

from policies.disclosure.limits import Limits
from policies.documents.authorization import Authorization, QueryTerms
from policies.errors import PolicyError


class TermsMissing(PolicyError):
    """An aggregate without an authorization that permits queries."""

    code = "query_not_authorized"


def terms_of(authorization: Authorization | None) -> QueryTerms:
    """The query terms. Raises TermsMissing."""
    if authorization is None or authorization.queries is None:
        raise TermsMissing("expected an authorization with query terms, got none")
    return authorization.queries


def limits_of(authorization: Authorization | None) -> Limits:
    """The limits in force. Raises TermsMissing, LimitLoosened."""
    terms = terms_of(authorization)
    return Limits().tightened({limit.name: limit.value for limit in terms.limits})
