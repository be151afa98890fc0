"""Attack A18: find out who is in the log or at the coordinator by trying every resident number there can be.

A resident number has little entropy: a county, a date of birth, three digits and a check character. Whoever publishes a hash
of one, salted with something public or not at all, has published the number. The attacker here tries one county and ten days
of births, which takes a moment, and a lifetime of births would take minutes.

The product is played twice with real persons in it: with the real consent service and the real coordinator, and with the real
enclaves and the real gate. Everything the coordinator stores and everything that is sent through it is searched for every
resident number of the run, plain and hashed in every way an outsider could.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from enclaves.transport.party import PartyKeys
from policies.documents.strict_json import Json
from policies.log.entry import Entry, EntryType
from policies.log.errors import LogInvalid
from policies.resident import ResidentId, check_character
from sandbox.client.consent_records import ConsentRecords
from sandbox.client.consent_service import ConsentService
from tests.enclaves.agent import district as domains
from tests.sandbox.doubles import Cast
from tests.sandbox.inside import InProcess, Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import agree

COUNTY = "990000"
"""No county has this code: the people of these tests do not exist."""
FIRST_DAY, DAYS, ORDERS = date(1970, 1, 1), 10, 1000
PUBLIC_SALTS = (b"test.example/log", b"domicile", b"scenario-claims", b"2026", b"domicile-pid\0")


def candidates() -> Iterator[str]:
    """Every number of the county born in ten days: ten thousand."""
    for day in range(DAYS):
        born = (FIRST_DAY + timedelta(days=day)).strftime("%Y%m%d")
        for order in range(ORDERS):
            first = f"{COUNTY}{born}{order:03}"
            yield first + check_character(first)


def persons(count: int) -> list[str]:
    numbers = list(candidates())
    return [numbers[(7919 * n) % len(numbers)] for n in range(1, count + 1)]


def hashes(number: str, values: Iterable[bytes]) -> Iterator[bytes]:
    """What an outsider can compute of a number: hashes bare and with public values, before, after and as a key."""
    data = number.encode()
    for name in ("sha256", "sha1", "md5", "sha3_256", "blake2b"):
        yield hashlib.new(name, data).digest()
    for value in values:
        yield hashlib.sha256(value + data).digest()
        yield hashlib.sha256(data + value).digest()
        yield hmac.digest(value, data, "sha256")
        yield hmac.digest(data, value, "sha256")


@pytest.mark.parametrize("salt", [b"", *PUBLIC_SALTS])
def test_a_naive_log_of_hashed_numbers_falls_to_trying_them_all(salt: bytes) -> None:
    target = persons(3)[1]
    published = hashlib.sha256(salt + target.encode()).digest()
    found = [
        number for number in candidates() if hashlib.sha256(salt + number.encode()).digest() == published
    ]
    assert found == [target]


def traces(numbers: list[str], dump: bytes, values: Iterable[bytes]) -> list[str]:
    """How the dump gives the numbers away: plain, reversed bytes of hashes, hex in both cases, base64, prefixes of hashes."""
    found, public = [], list(values)
    lower = dump.lower()
    for number in numbers:
        if number.encode() in dump or base64.b64encode(number.encode())[:22] in dump:
            found.append("plain")
        # A pid is cut to 16 bytes, so that half a digest must not stand there either.
        for digest in hashes(number, public):
            half = digest[:16]
            if half in dump or half.hex().encode() in lower or base64.b64encode(half)[:20] in dump:
                found.append("hashed")
    return found


def unpacked(text: object) -> Iterator[bytes]:
    """Everything inside JSON: its text, and what its base64 members hold, down to the last envelope."""
    if isinstance(text, dict):
        for value in text.values():
            yield from unpacked(value)
    elif isinstance(text, list):
        for value in text:
            yield from unpacked(value)
    elif isinstance(text, str):
        yield text.encode()
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError:
            return
        yield data
        if data[:1] in {b"{", b"["}:
            yield from unpacked_bytes(data)


def unpacked_bytes(data: bytes) -> Iterator[bytes]:
    yield data
    try:
        yield from unpacked(json.loads(data))
    except ValueError:
        return


def test_the_search_finds_what_it_looks_for() -> None:
    [number] = persons(1)
    salted = hmac.digest(b"domicile", number.encode(), "sha256")
    envelope = json.dumps(
        {"payload": base64.b64encode(json.dumps({"who": number}).encode()).decode()}
    ).encode()
    for leak in (number.encode(), salted, salted[:16].hex().upper().encode(), base64.b64encode(salted)):
        assert traces([number], b"before " + leak + b" after", PUBLIC_SALTS)
    assert traces([number], b"".join(unpacked_bytes(envelope)), ())
    assert not traces([number], b"nothing of the sort", PUBLIC_SALTS)


class Recorder(InProcess):
    """Keeps every byte that is sent to the coordinator and back."""

    def __init__(self, site: Inside) -> None:
        super().__init__(site.app)
        self.wire: list[bytes] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        head = f"{request.method} {request.url} {request.headers.raw} {response.headers.raw}"
        self.wire += [head.encode(), request.content, response.content]
        return response


def stored(site: Inside) -> Iterator[bytes]:
    """Every file of the coordinator's state, and every value of every row."""
    for path in site.settings.state_dir.rglob("*"):
        if path.is_file():
            yield path.read_bytes()
    for rows in site.state().values():
        for row in rows:
            for value in row:
                if isinstance(value, str):
                    yield from unpacked_bytes(value.encode())
                elif isinstance(value, bytes):
                    yield from unpacked_bytes(value)
    yield from (entry.to_bytes() for entry in site.entries())


@pytest.mark.req("RQ-169")
def test_a_whole_story_leaves_no_number_at_the_coordinator(tmp_path: Path) -> None:
    people = persons(12)
    folder = tmp_path / "site"
    folder.mkdir()
    with inside(folder) as site:
        recorder = Recorder(site)
        site.web = httpx.Client(transport=recorder)
        papers = agree(site)
        service = ConsentService(
            site.endpoint("consents"),
            PartyKeys(key_of("consents")),
            records=ConsentRecords(tmp_path / "consents.db"),
        )
        expires = service.clock().replace(year=service.clock().year + 1)
        granted = service.grant(papers.scenario.digest, "insurer", [ResidentId(p) for p in people], expires)
        ids = [bytes.fromhex(consent) for consent in granted]
        Cast(site).run(papers.job(ids), ids, seconds=60)
        fetched = site.endpoint("insurer").fetch_scores(papers.authorization.digest, granted)
        assert fetched.receipt is not None
        service.withdraw(granted[:2])
        site.endpoint("insurer").fetch_scores(papers.authorization.digest, granted)
        export = site.endpoint("auditor").get("/v1/log/export")
        sent = [part for data in recorder.wire for part in unpacked_bytes(data)]
        dump = b"\n".join([*stored(site), *sent, export])
        public = [*PUBLIC_SALTS, papers.scenario.digest.encode(), *ids, *(g.encode() for g in granted)]
    assert granted[0].encode() in dump
    assert len(sent) > 100
    assert traces(people, dump, public) == []
    # The consent service itself knows them, or the search would prove nothing.
    assert people[0].encode() in (tmp_path / "consents.db").read_bytes() + b"".join(
        path.read_bytes() for path in tmp_path.glob("consents.db-*")
    )


def test_real_enclaves_and_gate_send_no_number_through_the_coordinator(tmp_path: Path) -> None:
    district = domains.found(tmp_path, domains.NAMES[:2])
    people = [domains.resident(number) for number in range(12)]
    ids = district.consent(people)
    district.run(district.job(ids))
    relay = district.relay
    held: list[bytes] = [data for data, _ in relay.attachments.values()]
    held += relay.leaves
    held += [note.encode() for note in relay.notes.values()]
    bodies: list[Json] = [envelope.to_json() for envelope in relay.documents.values()]
    bodies += [dict(message.body) for box in relay.mailboxes.values() for message in box]
    dump = b"\n".join([*held, *(part for body in bodies for part in unpacked(body))])
    assert relay.said("contribution")
    assert relay.said("handover")
    assert traces(people, dump, [*PUBLIC_SALTS, *ids]) == []


def test_the_log_itself_refuses_a_number() -> None:
    with pytest.raises(LogInvalid):
        Entry(
            type=EntryType.REFUSAL,
            at="2026-11-24T00:00:00Z",
            actor="partner",
            facts={"note": f"about {persons(1)[0]}"},
        ).to_bytes()
