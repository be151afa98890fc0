"""Notes, checkpoints and cosignatures against the published vectors, and with named corruptions."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from policies.log import note as notes
from policies.log.errors import LogInvalid
from policies.log.merkle import Root, leaf_hash, root
from policies.log.note import (
    Note,
    Signature,
    SignatureType,
    TreeHead,
    check_checkpoint,
    check_cosignature,
    check_signature,
    cosign,
    join,
    key_id,
    sign,
)

# The example of golang.org/x/mod/sumdb/note: one key and the note it signed.
GO_KEY = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# A witness of the public network: name, key id, type byte and key of a cosignature/v1 verifier.
REMORA = ("remora.n621.de", "da77ade7", "BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2")
# The example of C2SP tlog-cosignature.
C2SP_NOTE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)

ORIGIN = "district.example/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(32))
WITNESSES = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([index]) * 32)
    for index, name in enumerate(("hospital-enclave", "social-enclave", "transport-enclave", "gate"), 1)
}
HEAD = TreeHead(ORIGIN, 3, root(leaf_hash(b"%d" % index) for index in range(3)))
SIGNED = sign(HEAD, LOG)
LINES = {name: cosign(HEAD, key, name=name, at=1_790_000_000 + len(name)) for name, key in WITNESSES.items()}
COSIGNED = join(SIGNED, list(LINES.values()))


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def check(text: str, *, quorum: int = 3) -> notes.Checkpoint:
    keys = {name: public(key) for name, key in WITNESSES.items()}
    return check_checkpoint(text, origin=ORIGIN, log_key=public(LOG), witness_keys=keys, quorum=quorum)


def test_the_key_id_and_signature_of_the_go_example_verify() -> None:
    parsed = Note.parse(GO_NOTE)
    (line,) = parsed.signatures
    assert GO_KEY[0] == SignatureType.ED25519
    assert key_id(line.name, SignatureType.ED25519, GO_KEY[1:]) == line.key_id == bytes.fromhex("c74f20a3")
    assert parsed.format() == GO_NOTE
    # The signing key of the same example, so that signing is checked to the byte as well.
    seed = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
    assert Ed25519PrivateKey.from_private_bytes(seed).sign(parsed.body.encode()) == line.payload


def test_the_key_id_of_a_public_witness_is_computed() -> None:
    name, expected, encoded = REMORA
    kind, key = base64.b64decode(encoded)[0], base64.b64decode(encoded)[1:]
    assert kind == SignatureType.COSIGNATURE
    assert key_id(name, SignatureType.COSIGNATURE, key).hex() == expected


def test_the_example_of_the_cosignature_specification_is_read_and_written() -> None:
    parsed = Note.parse(C2SP_NOTE)
    head = TreeHead.parse(parsed.body)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    # The text that the specification prints as the signed message.
    assert int.from_bytes(parsed.signatures[1].payload[:8], "big") == 1679315147
    assert head.body() == parsed.body
    assert parsed.format() == C2SP_NOTE


def test_the_cosigned_message_is_the_specified_text() -> None:
    line = Signature.parse(LINES["gate"])
    at = int.from_bytes(line.payload[:8], "big")
    message = f"cosignature/v1\ntime {at}\n{HEAD.body()}".encode()
    WITNESSES["gate"].public_key().verify(line.payload[8:], message)


def test_a_cosigned_checkpoint_tells_size_root_and_times() -> None:
    checkpoint = check(COSIGNED)
    assert (checkpoint.size, checkpoint.root) == (3, HEAD.root)
    assert checkpoint.cosigned_at == {name: 1_790_000_000 + len(name) for name in WITNESSES}


def test_a_quorum_of_the_witnesses_is_enough_and_one_less_is_not() -> None:
    three = join(SIGNED, list(LINES.values())[:3])
    assert len(check(three).cosigned_at) == 3
    with pytest.raises(LogInvalid, match="expected cosignatures by 3 witnesses, got 2"):
        check(join(SIGNED, list(LINES.values())[:2]))


def test_a_line_by_an_unknown_key_is_ignored() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes([99]) * 32)
    text = join(COSIGNED, [cosign(HEAD, stranger, name="stranger", at=1)])
    assert check(text) == check(COSIGNED)


def test_a_known_name_with_an_unknown_key_does_not_count() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes([99]) * 32)
    forged = [cosign(HEAD, stranger, name=name, at=1) for name in WITNESSES]
    with pytest.raises(LogInvalid, match="got 0"):
        check(join(SIGNED, forged))


def test_one_key_under_two_names_does_not_make_a_quorum() -> None:
    key = WITNESSES["gate"]
    text = join(SIGNED, [cosign(HEAD, key, name=name, at=1) for name in ("one", "two")])
    with pytest.raises(LogInvalid, match="key of its own"):
        check_checkpoint(
            text,
            origin=ORIGIN,
            log_key=public(LOG),
            witness_keys={"one": public(key), "two": public(key)},
            quorum=2,
        )


def test_a_log_signature_does_not_pass_for_a_cosignature() -> None:
    text = sign(HEAD, WITNESSES["gate"])
    with pytest.raises(LogInvalid):
        check_checkpoint(
            text,
            origin=ORIGIN,
            log_key=public(LOG),
            witness_keys={"gate": public(WITNESSES["gate"])},
            quorum=1,
        )


@pytest.mark.parametrize("quorum", [0, -1, 5])
def test_an_impossible_quorum_is_refused(quorum: int) -> None:
    with pytest.raises(LogInvalid, match="quorum"):
        check(COSIGNED, quorum=quorum)


CORRUPTIONS: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "no signatures": lambda text: text.partition("\n\n")[0] + "\n",
    "no empty line": lambda text: text.replace("\n\n", "\n"),
    "no final newline": lambda text: text[:-1],
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "null character": lambda text: text.replace("log\n", "log\0\n", 1),
    "lone surrogate": lambda text: text.replace("district", "d\ud800strict"),
    "another origin": lambda text: text.replace("district", "distrust"),
    "another size": lambda text: text.replace("\n3\n", "\n4\n"),
    "size with a leading zero": lambda text: text.replace("\n3\n", "\n03\n"),
    "negative size": lambda text: text.replace("\n3\n", "\n-3\n"),
    "size in other digits": lambda text: text.replace("\n3\n", "\n３\n"),
    "extension line": lambda text: text.replace("\n\n", "\nextension\n\n", 1),
    "short root": lambda text: text.replace(text.split("\n")[2], "AAAA"),
    "root in url-safe base64": lambda text: text.replace(text.split("\n")[2], "-" * 43 + "="),
    "duplicate log signature": lambda text: text + SIGNED.partition("\n\n")[2],
    "duplicate cosignature": lambda text: text + LINES["gate"],
    "hyphen for em dash": lambda text: text.replace("—", "-"),
    "signature without key id": lambda text: text + "— other AAAA\n",
    "signature without base64": lambda text: text + "— other\n",
    "signature in padded base64": lambda text: text.replace("=\n", "==\n"),
    "name with a plus": lambda text: text + "— a+b AAAAAAAA\n",
    "text behind the signatures": lambda text: text + "extra\n",
    "too many signatures": lambda text: text + "".join(f"— w{n} AAAAAAAA\n" for n in range(64)),
    "too long": lambda text: "x" * notes.MAX_NOTE_CHARS + text,
    "log signature removed": lambda text: text.replace(SIGNED.partition("\n\n")[2], ""),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_checkpoint_is_refused(name: str) -> None:
    corrupted = CORRUPTIONS[name](COSIGNED)
    assert corrupted != COSIGNED
    with pytest.raises(LogInvalid):
        check(corrupted)


@given(st.integers(0, len(COSIGNED.encode()) - 1), st.integers(0, 7))
def test_one_flipped_bit_is_caught_or_costs_a_cosignature(position: int, bit: int) -> None:
    raw = bytearray(COSIGNED.encode())
    raw[position] ^= 1 << bit
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    # A line whose name or key id changed is by an unknown key, which C2SP lets a reader skip: it must not count.
    with pytest.raises(LogInvalid):
        check(text, quorum=4)


@given(st.text(max_size=200))
def test_no_text_makes_the_parser_raise_anything_else(text: str) -> None:
    for parse in (Note.parse, TreeHead.parse, Signature.parse):
        try:
            parse(text)
        except LogInvalid:
            continue


def test_a_cosignature_of_another_length_or_time_is_refused() -> None:
    key = public(WITNESSES["gate"])
    line = Signature.parse(LINES["gate"])
    for payload in (line.payload[:-1], bytes(8) + line.payload[8:], b"\xff" * 8 + line.payload[8:]):
        with pytest.raises(LogInvalid):
            check_cosignature(Signature("gate", line.key_id, payload), HEAD.body(), witness_key=key)
    with pytest.raises(LogInvalid, match="does not verify"):
        check_cosignature(line, HEAD.body().replace("3", "4"), witness_key=key)
    with pytest.raises(LogInvalid, match="key id"):
        check_cosignature(line, HEAD.body(), witness_key=public(LOG))


def test_a_time_outside_the_format_is_not_cosigned() -> None:
    for at in (0, -1, 1 << 63):
        with pytest.raises(LogInvalid):
            cosign(HEAD, LOG, name="gate", at=at)


def test_a_key_of_another_length_is_refused() -> None:
    short = b"short"
    line = Signature(ORIGIN, key_id(ORIGIN, SignatureType.ED25519, short), bytes(64))
    with pytest.raises(LogInvalid, match="32 bytes"):
        check_signature(Note(HEAD.body(), (line,)), origin=ORIGIN, log_key=short)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "x" * 256])
def test_a_name_that_the_format_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(LogInvalid):
        TreeHead(name, 0, Root(bytes(32)))


def test_a_head_of_an_impossible_size_or_root_does_not_come_to_be() -> None:
    for size, value in ((-1, bytes(32)), (1 << 63, bytes(32)), (0, bytes(31))):
        with pytest.raises(LogInvalid):
            TreeHead(ORIGIN, size, Root(value))
