"""Checkpoints as signed notes: how the log's head is written, signed, cosigned and checked.

Rules this module decides:

- A note is UTF-8 text without control characters other than newline, at most 16 kB, with at most 64 signature
  lines, and never two lines by one key. Base64 is canonical.
- A checkpoint body is exactly three lines: origin, size, root. Extension lines are refused, because nobody
  audits them.
- The log signs with key name = origin, a witness with key name = party id. A line by an unknown key is ignored
  (C2SP signed-note), a line by a known key that fails to verify refuses the whole note.
- A quorum counts distinct witnesses with distinct keys: the v1 cosignature does not sign the witness's name, so
  one key under two names would count twice.

Specifications: C2SP signed-note (Ed25519, type 0x01), tlog-checkpoint, tlog-cosignature v1 (Ed25519, type 0x04).
Small-order keys are refused at enrolment, freshness of `cosigned_at` is the caller's rule.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from policies.log.errors import LogInvalid
from policies.log.merkle import HASH_BYTES, Root

MAX_NOTE_CHARS = 16_384
MAX_SIGNATURES = 64
KEY_BYTES = 32
MAX_SIZE = (1 << 63) - 1
MAX_TIME = (1 << 63) - 1
"""tlog-cosignature: the timestamp must not exceed 2^63 - 1."""

_DASH = "\u2014 "
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
# A lone surrogate has no UTF-8 form and so cannot have been signed.
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")
_NAME = re.compile(r"[^\s+]{1,255}")


class SignatureType(IntEnum):
    """The type byte that enters a key id, C2SP signed-note §Signature types."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a checkpoint states: the log `origin` had `size` leaves with this 32-byte root."""

    origin: str
    size: int
    root: Root

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            raise LogInvalid(f"checkpoint size: expected 0 to 2^63 - 1, got {self.size}")
        if len(self.root) != HASH_BYTES:
            raise LogInvalid(f"checkpoint root: expected {HASH_BYTES} bytes, got {len(self.root)}")

    def body(self) -> str:
        """Return the note text: three lines, each with its newline."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read a checkpoint body; raise LogInvalid on anything `body` could not have written."""
        lines = body.split("\n")
        if len(lines) != 4 or lines[3]:
            raise LogInvalid(f"checkpoint body: expected 3 lines, got {body.count(chr(10))}")
        origin, size, root, _ = lines
        if not _SIZE.fullmatch(size):
            raise LogInvalid("checkpoint size: expected a decimal number without leading zeroes")
        return cls(origin, int(size), Root(_decode(root)))


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: key name, 4-byte key id, and the bytes that follow it."""

    name: str
    key_id: bytes
    payload: bytes

    def line(self) -> str:
        """Return the line with its newline."""
        return f"{_DASH}{self.name} {_encode(self.key_id + self.payload)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read one line, newline included; raise LogInvalid."""
        if not (line.startswith(_DASH) and line.endswith("\n")) or line.count("\n") != 1:
            raise LogInvalid("signature line: expected an em dash, a name, base64 and a newline")
        name, space, blob = line[len(_DASH) : -1].partition(" ")
        check_name(name)
        raw = _decode(blob)
        if not space or len(raw) <= 4:
            raise LogInvalid("signature line: expected a 4-byte key id and a signature")
        return cls(name, raw[:4], raw[4:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signature lines, nothing of it verified yet."""

    body: str
    signatures: tuple[Signature, ...]

    def format(self) -> str:
        """Return the note as it travels."""
        return self.body + "\n" + "".join(signature.line() for signature in self.signatures)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a note; raise LogInvalid on anything that `format` could not have written."""
        if len(text) > MAX_NOTE_CHARS:
            raise LogInvalid(f"note: expected at most {MAX_NOTE_CHARS} characters, got {len(text)}")
        if _FORBIDDEN.search(text):
            raise LogInvalid("note: expected UTF-8 text without control characters other than newline")
        # C2SP signed-note: the text is separated from the signatures by the last empty line.
        body, separator, tail = text.rpartition("\n\n")
        if not separator or not body or not tail.endswith("\n"):
            raise LogInvalid("note: expected a text, an empty line and signature lines")
        lines = tail.split("\n")[:-1]
        if len(lines) > MAX_SIGNATURES:
            raise LogInvalid(f"note: expected at most {MAX_SIGNATURES} signatures, got {len(lines)}")
        signatures = tuple(Signature.parse(line + "\n") for line in lines)
        if len({(s.name, s.key_id) for s in signatures}) != len(signatures):
            raise LogInvalid("note: expected at most one signature by each key")
        return cls(body + "\n", signatures)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified head: size, 32-byte root, and when (Unix seconds) each witness cosigned it."""

    size: int
    root: Root
    cosigned_at: Mapping[str, int]


def check_name(name: str) -> None:
    """Raise LogInvalid unless `name` may name a key: 1 to 255 printable characters, no space, no plus."""
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise LogInvalid("key name: expected 1 to 255 characters without spaces or plus, all printable")


def key_id(name: str, kind: SignatureType, public_key: bytes) -> bytes:
    """Return the first 4 bytes of SHA-256(name || 0x0A || type || key), C2SP signed-note §Signatures."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


def sign(head: TreeHead, key: Ed25519PrivateKey) -> str:
    """Return the checkpoint note signed by the log's key under the name of its origin."""
    body = head.body()
    public = key.public_key().public_bytes_raw()
    line = Signature(head.origin, key_id(head.origin, SignatureType.ED25519, public), key.sign(body.encode()))
    return Note(body, (line,)).format()


def cosign(head: TreeHead, key: Ed25519PrivateKey, *, name: str, at: int) -> str:
    """Return a witness's cosignature line; `at` is the time in Unix seconds.

    Only a witness that has persisted the head (see `policies.log.witness`) may call this.
    """
    check_name(name)
    if not 0 < at <= MAX_TIME:
        raise LogInvalid(f"cosignature time: expected 1 to 2^63 - 1, got {at}")
    public = key.public_key().public_bytes_raw()
    payload = at.to_bytes(8, "big") + key.sign(_cosigned(head.body(), at))
    return Signature(name, key_id(name, SignatureType.COSIGNATURE, public), payload).line()


def join(note_text: str, lines: Sequence[str]) -> str:
    """Return the note with further signature lines; raise LogInvalid if one is there twice."""
    return Note.parse(note_text + "".join(lines)).format()


def check_signature(note: Note, *, origin: str, log_key: bytes) -> TreeHead:
    """Return the head that the log signed; raise LogInvalid on a wrong origin or signature."""
    head = TreeHead.parse(note.body)
    if head.origin != origin:
        raise LogInvalid(f"checkpoint origin: expected `{origin}`, got `{head.origin}`")
    wanted = (origin, key_id(origin, SignatureType.ED25519, log_key))
    for line in note.signatures:
        if (line.name, line.key_id) == wanted:
            _check_ed25519(log_key, line.payload, note.body.encode(), name=origin)
            return head
    raise LogInvalid(f"checkpoint: expected a signature by `{origin}`, got none")


def check_cosignature(line: Signature, body: str, *, witness_key: bytes) -> int:
    """Return when the witness named in the line cosigned `body` (Unix seconds); raise LogInvalid."""
    if line.key_id != key_id(line.name, SignatureType.COSIGNATURE, witness_key):
        raise LogInvalid(f"cosignature by `{line.name}`: key id is not that of its enrolled key")
    if len(line.payload) != 8 + 64:
        raise LogInvalid(f"cosignature by `{line.name}`: expected 72 bytes, got {len(line.payload)}")
    at = int.from_bytes(line.payload[:8], "big")
    if not 0 < at <= MAX_TIME:
        raise LogInvalid(f"cosignature by `{line.name}`: time out of range")
    _check_ed25519(witness_key, line.payload[8:], _cosigned(body, at), name=line.name)
    return at


def check_checkpoint(
    note_text: str, *, origin: str, log_key: bytes, witness_keys: Mapping[str, bytes], quorum: int
) -> Checkpoint:
    """Verify a cosigned checkpoint and return what it proves.

    `log_key` and the values of `witness_keys` are raw 32-byte Ed25519 keys, the keys of `witness_keys` party ids;
    `quorum` is at least 1. Raise LogInvalid with the reason.
    """
    _check_witnesses(witness_keys, quorum)
    # 1. The text is a note, and nothing but a note.
    note = Note.parse(note_text)
    # 2. The log itself stands behind this head.
    head = check_signature(note, origin=origin, log_key=log_key)
    # 3. Enough independent witnesses saw it as a continuation of what they had seen.
    cosigned_at: dict[str, int] = {}
    for line in note.signatures:
        key = witness_keys.get(line.name)
        if key is None or line.key_id != key_id(line.name, SignatureType.COSIGNATURE, key):
            continue
        cosigned_at[line.name] = check_cosignature(line, note.body, witness_key=key)
    if len(cosigned_at) < quorum:
        raise LogInvalid(f"checkpoint: expected cosignatures by {quorum} witnesses, got {len(cosigned_at)}")
    return Checkpoint(head.size, head.root, cosigned_at)


def _check_witnesses(witness_keys: Mapping[str, bytes], quorum: int) -> None:
    if quorum < 1 or quorum > len(witness_keys):
        raise LogInvalid(f"quorum: expected 1 to {len(witness_keys)}, got {quorum}")
    if len(set(witness_keys.values())) != len(witness_keys):
        raise LogInvalid("witnesses: expected a key of its own for each")


def _cosigned(body: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{body}".encode()


def _check_ed25519(key: bytes, signature: bytes, message: bytes, *, name: str) -> None:
    if len(key) != KEY_BYTES:
        raise LogInvalid(f"key of `{name}`: expected {KEY_BYTES} bytes, got {len(key)}")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise LogInvalid(f"signature by `{name}` does not verify") from None


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise LogInvalid("base64: expected the standard alphabet with padding") from None
    # Python ignores non-zero bits behind the last byte; a second spelling of a signature is a second note.
    if _encode(raw) != text:
        raise LogInvalid("base64: expected the canonical spelling")
    return raw
