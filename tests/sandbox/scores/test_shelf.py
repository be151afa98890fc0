"""What the gate hands over is shelved only if the signed root covers every byte of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.transport.mailbox import Message
from enclaves.transport.problem import Malformed, NotFound, ProblemRaised, Refused
from policies.documents import envelope as dsse
from policies.documents.job import Release
from policies.log.merkle import Tree, leaf_hash
from sandbox.scores.errors import SlotsMismatch
from sandbox.scores.shelf import _levels, parse_slots, proof
from sandbox.store.files import Files
from sandbox.store.tables import releases, scores
from tests.sandbox.doubles import Cast, GateDouble
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import agree, consents


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Inside]:
    with inside(tmp_path) as site:
        yield site


def play(site: Inside, cast: Cast, state: str) -> str:
    """Submit a job of nine slots and play until it is in `state`."""
    papers = agree(site)
    ids = [grant.id for grant in consents(site, papers, 9)]
    site.endpoint("partner").put_attachment(b"".join(ids))
    job = papers.job(ids).envelope(key_of("partner"))
    digest = site.endpoint("partner").submit_job(job, scenario=papers.scenario.digest).job
    cast.play(lambda: site.endpoint("partner").job(digest).state in {state, "refused", "failed", "done"})
    return digest


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.req("RQ-318")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (flipped, "release_mismatch"),
        (lambda data: data[:-24], "release_mismatch"),
        (lambda _: b"", "release_mismatch"),
    ],
)
def test_other_bytes_than_the_release_names_are_refused(
    site: Inside, change: Callable[[bytes], bytes], code: str
) -> None:
    cast = Cast(site)
    gate = cast.gate

    def hand_over(message: Message) -> None:
        digest, attachment = gate.held[str(message.run)]
        forged = site.endpoint("gate").put_attachment(
            change(site.endpoint("gate").get_attachment(attachment.hex())), audience=["coordinator"]
        )
        with pytest.raises(Refused, match=code):
            site.endpoint("gate").send(
                "coordinator", "handover", {"release": digest}, run=message.run, attachments=[forged]
            )

    gate._hand_over = hand_over  # type: ignore[method-assign]  # a gate that hands over something else
    digest = play(site, cast, "handover")
    for _ in range(3):
        gate.turn()
    assert site.endpoint("partner").job(digest).state == "handover"
    assert site.count(releases) == site.count(scores) == 0


@pytest.mark.req("RQ-318")
def test_slots_under_another_root_are_refused_although_their_digest_is_signed(site: Inside) -> None:
    cast = Cast(site)
    refused: list[ProblemRaised] = []
    original = cast.gate._hand_over

    def hand_over(message: Message) -> None:
        with pytest.raises(Refused, match="release_mismatch") as caught:
            original(message)
        refused.append(caught.value)

    cast.gate._hand_over = hand_over  # type: ignore[method-assign]  # expects to be refused
    sign_with(cast.gate, lambda release: replaced(release, root="ab" * 32))
    digest = play(site, cast, "handover")
    for _ in range(3):
        cast.gate.turn()
    assert len(refused) == 1
    assert site.endpoint("partner").job(digest).releases == ()
    assert site.count(releases) == site.count(scores) == 0


def replaced(release: Release, **members: object) -> Release:
    return Release.from_body({**release.to_body(), "sealed": {**release.to_body()["sealed"], **members}})  # type: ignore[dict-item]  # JSON


def sign_with(gate: GateDouble, change: Callable[[Release], Release], *, signer: str = "gate") -> None:
    """Make the gate send a changed release, signed by `signer`."""
    endpoint = gate.site.endpoint("gate")
    send = endpoint.send

    def changed(to: str, topic: str, body: dict, **more: object) -> int:  # type: ignore[type-arg]  # JSON
        if topic == "release":
            release = change(Release.read(dsse.from_json(body["document"])))
            envelope = release.envelope(key_of(signer))
            gate.held[str(more["run"])] = (envelope.digest, gate.held[str(more["run"])][1])
            body = {"document": envelope.to_json()}
        return send(to, topic, body, **more)  # type: ignore[arg-type]  # passed on

    endpoint.send = changed  # type: ignore[method-assign,assignment]  # a gate that signs something else


@pytest.mark.req("RQ-318", "RQ-310")
@pytest.mark.parametrize(
    ("members", "signer", "code"),
    [
        ({"recipient": "other-insurer"}, "gate", "release_mismatch"),
        ({"recipient_sealing_key": "ab" * 32}, "gate", "release_mismatch"),
        ({"job": "ab" * 32}, "gate", "release_mismatch"),
        ({"run": "ab" * 32}, "gate", "release_mismatch"),
        ({"model": "ab" * 32}, "gate", "release_mismatch"),
        ({"bands": 3}, "gate", "release_mismatch"),
        ({}, "enclave-hospital", "signatures_missing"),
        ({}, "operator", "signatures_missing"),
    ],
)
def test_a_release_that_is_not_the_gates_for_this_run_is_refused(
    site: Inside, members: dict[str, object], signer: str, code: str
) -> None:
    cast = Cast(site)
    sign_with(
        cast.gate,
        lambda release: Release.from_body({**release.to_body(), **members}),  # type: ignore[dict-item]  # JSON
        signer=signer,
    )
    with pytest.raises(Refused, match=code):
        play(site, cast, "awaiting-outcome")
    assert site.count(releases) == site.count(scores) == 0


def test_nobody_but_the_coordinator_and_the_gate_reads_the_slots(site: Inside) -> None:
    cast = Cast(site)
    play(site, cast, "done")
    [(_, attachment)] = cast.gate.held.values()
    for name in ("insurer", "partner", "operator", "enclave-hospital", "agency"):
        with pytest.raises(NotFound):
            site.endpoint(name).get_attachment(attachment.hex())


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 40))
def test_slots_are_read_back_in_order(effective: list[bool], size: int) -> None:
    bitmap = bytearray((len(effective) + 7) // 8)
    for slot, kept in enumerate(effective):
        bitmap[slot // 8] |= kept << (7 - slot % 8)
    sealed = [bytes([slot]) * size for slot, kept in enumerate(effective) if kept]
    slots = parse_slots(bytes(bitmap) + b"".join(sealed), len(effective))
    assert slots.effective == tuple(slot for slot, kept in enumerate(effective) if kept)
    leaves = list(slots.leaves(len(effective)))
    assert [leaf for leaf in leaves if leaf] == sealed
    assert [bool(leaf) for leaf in leaves] == effective


@pytest.mark.parametrize(
    ("data", "count"),
    [(b"", 1), (b"\xff", 4), (b"\xf0" + b"a" * 5, 4), (b"\x00a", 4), (b"\x80" + b"a" * 4097, 1)],
)
def test_slots_that_do_not_fit_their_bitmap_are_refused(data: bytes, count: int) -> None:
    with pytest.raises(SlotsMismatch):
        parse_slots(data, count)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 33])
def test_a_proof_from_the_stored_tree_is_that_of_the_reference_tree(tmp_path: Path, count: int) -> None:
    leaves: list[bytes] = [leaf_hash(bytes([slot])) for slot in range(count)]
    files, tree = Files(tmp_path), Tree(leaf_hash(bytes([slot])) for slot in range(count))
    files.write("ab" * 32, b"".join(b"".join(level) for level in _levels(leaves)))
    for slot in range(count):
        assert proof(files, "ab" * 32, slot, count=count) == list(tree.inclusion_path(slot))


def test_a_handover_of_no_release_is_refused(site: Inside) -> None:
    with pytest.raises((Malformed, NotFound)):
        site.endpoint("gate").send("coordinator", "handover", {"release": 1}, run="ab" * 32)
