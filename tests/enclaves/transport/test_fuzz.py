"""Mutated requests, answers and problem documents: refused by the room's own error, or the very thing that was signed.

`make long` makes 20,000 of each.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from enclaves.transport import message_signature
from enclaves.transport.errors import RequestRefused, ResponseRefused, TransportError
from enclaves.transport.problem import Problem, StatementReason, raised
from enclaves.transport.signatures import verify_response
from policies.keys import public_key
from tests.enclaves.transport.test_signatures import NOW, OTHER, Message, message, signed_response
from tests.fuzzing.json_mutants import encoded, mutated

LONG = 20_000
Line = tuple[str, str]
# Pieces of structured fields (RFC 8941) that a parser may read in its own way.
PIECES = (
    *'"();:,=?!*&% \t\n\r\0é~',
    ";created=1",
    ";expires=99999999999",
    ';alg="rsa-pss-sha512"',
    ";req",
    ";sf",
    ";bs",
    ";tr",
    ';key="a"',
    ", other=:AAAA:",
    "domicile=:AAAA:",
    '"@method"',
    '"@status"',
    "?1",
    "-0",
    "1.0",
    "9" * 400,
)


def text(value: str, chance: random.Random) -> str:
    """One edit of a field's value."""
    at = chance.randrange(len(value) + 1)
    match chance.randrange(7):
        case 0:
            return value[:at] + chance.choice(PIECES) + value[at:]
        case 1:
            return value[:at] + chance.choice(PIECES) + value[at + 1 :]
        case 2:
            return value[:at] + value[at + chance.randint(1, 9) :]
        case 3:
            return value.swapcase()
        case 4:
            return value + chance.choice((value, ", " + value, ";" + value))
        case 5:
            return chance.choice(("", " ", value * 40, value[::-1]))
        case _:
            words = value.split(";")
            chance.shuffle(words)
            return ";".join(words)


def lines(headers: tuple[Line, ...], chance: random.Random) -> tuple[Line, ...]:
    """One line changed, said twice, left out, renamed, moved, or given another's value."""
    changed = list(headers)
    place, other = chance.randrange(len(changed)), chance.randrange(len(changed))
    name, value = changed[place]
    match chance.randrange(8):
        case 0:
            del changed[place]
        case 1:
            changed.insert(other, (name, chance.choice((value, text(value, chance)))))
        case 2:
            changed[place] = (chance.choice((name.upper(), name + " ", name[:-1], changed[other][0])), value)
        case 3:
            changed[place] = (name, changed[other][1])
        case _:
            changed[place] = (name, text(value, chance))
    return tuple(changed)


def asked(honest: Message, chance: random.Random) -> Message:
    """A request as somebody on the way, or its sender, might change it."""
    match chance.randrange(8):
        case 0:
            return replace(honest, method=chance.choice(("GET", "PUT", "post", "POST ", "", "CONNECT")))
        case 1:
            return replace(honest, authority=text(honest.authority, chance))
        case 2:
            return replace(honest, path=text(honest.path, chance))
        case 3:
            return replace(honest, query=text(honest.query, chance))
        case 4:
            return replace(honest, body=text(honest.body.decode(), chance).encode())
        case _:
            return replace(honest, headers=lines(honest.headers, chance))


def covered(request: Message) -> tuple[object, ...]:
    """What the signature covers, as the profile reads it: fields without the space around them, the host in lower case."""
    fields = {
        name.lower(): value.strip(" \t")
        for name, value in request.headers
        if name.lower() in message_signature.REQUEST_COMPONENTS
    }
    return (
        request.method,
        request.authority.lower(),
        request.path,
        request.query,
        request.body,
        sorted(fields.items()),
    )


def check_requests(count: int, *, seed: int) -> None:
    chance, refused = random.Random(seed), list[str]()
    honest = message()
    expected = honest.verify()
    for _ in range(count):
        mutant = asked(honest, chance)
        try:
            found = mutant.verify()
        except RequestRefused as error:
            refused.append(str(error))
            continue
        # Another spelling of the same: the host's letters, space around a value, a name's capitals.
        assert found == expected
        assert covered(mutant) == covered(honest), mutant
    assert not any("\n" in told for told in refused)
    assert len(refused) > 0.8 * count


def check_answers(count: int, *, seed: int) -> None:
    chance, refused = random.Random(seed), list[str]()
    request, body = message(), b'{"messages":[]}'
    headers = tuple(signed_response(request, body=body).items())
    honest = (200, headers, body)
    for _ in range(count):
        status, changed, content = honest
        match chance.randrange(5):
            case 0:
                status = chance.choice((0, 201, 204, 400, 503, -200))
            case 1:
                content = text(body.decode(), chance).encode()
            case _:
                changed = lines(headers, chance)
        try:
            verify_response(
                status=status,
                headers=changed,
                body=content,
                request_signature=request.field("signature"),
                key=public_key(OTHER),
                now=NOW,
            )
        except ResponseRefused as error:
            refused.append(str(error))
            continue
        values = {name.lower(): value.strip(" \t") for name, value in changed}
        assert (status, content) == (200, body)
        assert values["content-digest"] == dict(headers)["content-digest"]
    assert not any("\n" in told for told in refused)
    assert len(refused) > 0.8 * count


PROBLEM = {
    "type": "about:blank",
    "code": "document_invalid",
    "status": 403,
    "title": "no",
    "detail": "expected another",
    "policy": "p",
    "reason": {"zh": "不", "en": "no"},
    "change": {"zh": "改", "en": "change"},
    "where": "job",
    "query": [
        {"department": "hospital", "code": "c", "column": "a", "where": "w", "hint": "h", "hint_zh": "改"}
    ],
}


def check_problem(status: int, body: bytes) -> None:
    """Every member is of its type or left out, and the exception says one thing."""
    problem = Problem.parse(status, body)
    assert problem.status == status
    for value in (problem.code, problem.title, problem.detail, problem.text("zh"), problem.text("x")):
        assert isinstance(value, str)
    for value in (problem.policy, problem.where):
        assert value is None or isinstance(value, str)
    for mapping in (problem.reason, problem.change):
        assert all(isinstance(part, str) for pair in mapping.items() for part in pair)
    assert all(isinstance(reason, StatementReason) for reason in problem.query)
    error = raised(problem)
    assert isinstance(error, TransportError)
    assert error.code == problem.code
    assert Problem.from_json(problem.to_json(), status=status).query == problem.query


def check_problems(count: int, *, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(count):
        body = encoded(mutated(PROBLEM, chance))
        if chance.random() < 0.2:
            body = body[: chance.randrange(len(body))] + chance.randbytes(chance.randrange(3))
        check_problem(chance.choice((400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503)), body)


CHECKS: tuple[Callable[..., None], ...] = (check_requests, check_answers, check_problems)


@pytest.mark.parametrize("check", CHECKS)
def test_no_mutant_of_what_travels_over_http_is_taken_for_what_was_signed(check: Callable[..., None]) -> None:
    check(600, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("check", CHECKS)
def test_no_mutant_of_what_travels_over_http_is_taken_in_twenty_thousand(check: Callable[..., None]) -> None:
    check(LONG, seed=2)
