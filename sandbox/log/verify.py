"""Verifies an export of the evidence log offline, trusting only the trust root's pin.

Stands alone on purpose: it imports nothing of the project, so that an auditor can read these lines, copy the file
and run it. Needs Python 3.11 and the package `cryptography`. Usage:

    python verify.py EXPORT --trust-root FILE --pin SHA256

It proves, in order: the trust root is the pinned one (1); the export carries this trust root (2); every entry is
canonical JSON and entry 0 is the pin (3); the log's key signed the root over exactly these entries (4); a quorum of the
witnesses named in the trust root cosigned it (5). It reports when each did.

It does not prove that the log has no newer entries (ask a witness for its size), nor that what an entry says is true.
A changed entry shows as a root that differs; which entry it was, a root alone cannot tell.

Formats: RFC 9162 §2.1 (tree), C2SP signed-note, tlog-checkpoint and tlog-cosignature v1, DSSE v1 (trust root).
Exit status: 0 verified, 2 malformed input, 3 verification failed.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "domicile-log-export/1"
MAX_ENTRY = 2048
MAX_LINE = 1 << 20
DASH = "\u2014 "


class ExportMalformed(Exception):
    """The input does not have the form of an export or a trust root."""


class ExportRefused(Exception):
    """The input is well-formed, but something in it does not verify."""


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """What the pinned document says of the log: keys are raw Ed25519 keys of 32 bytes."""

    origin: str
    log_key: bytes
    witness_keys: dict[str, bytes]
    quorum: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified: the log's head, and when (Unix seconds) each witness cosigned it."""

    origin: str
    size: int
    root: str
    cosigned_at: dict[str, int]


def verify_export(path: str | Path, trust_root_bytes: bytes, pin: str) -> Report:
    """Verify the export at `path`; raise ExportMalformed or ExportRefused.

    `trust_root_bytes` is the trust-root file (a DSSE envelope), `pin` the SHA-256 of its payload in hex.
    """
    # 1. The trust root is the one that was pinned out of band.
    trust = read_trust_root(trust_root_bytes, pin)
    with Path(path).open("rb") as export:
        # 2. The export was made under this trust root.
        header = canonical(read_line(export, MAX_LINE), {"format", "size", "trust_root"})
        size = header["size"]
        if header["format"] != FORMAT or type(size) is not int or size < 1:
            raise ExportMalformed(f"expected {FORMAT} with at least one entry")
        if header["trust_root"] != base64.b64encode(trust_root_bytes).decode("ascii"):
            raise ExportRefused("expected the export to carry this trust root, got another")
        # 3. Every entry is canonical, and the first one is the trust root.
        root = read_entries(export, size, pin)
        checkpoint = canonical(read_line(export, MAX_LINE), {"checkpoint"})["checkpoint"]
        if export.read(1):
            raise ExportMalformed("expected the checkpoint to be the last line")
    if not isinstance(checkpoint, str):
        raise ExportMalformed("expected the checkpoint to be text")
    # 4 and 5. The log and a quorum of witnesses signed this root at this size.
    cosigned_at = check_note(checkpoint, size, root, trust)
    return Report(trust.origin, size, root.hex(), cosigned_at)


def read_trust_root(data: bytes, pin: str) -> TrustRoot:
    """Return what the trust root says, after comparing its payload with the pin."""
    try:
        envelope = json.loads(data, object_pairs_hook=unique)
        payload = decode64(envelope["payload"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ExportMalformed("trust root: expected a DSSE envelope") from None
    digest = hashlib.sha256(payload).hexdigest()
    if digest != pin:
        raise ExportRefused(f"trust root: expected the pin {pin}, got {digest}")
    try:
        document = json.loads(payload, object_pairs_hook=unique)
        keys = {party["id"]: decode64(party["identity_key"]) for party in document["parties"]}
        witnesses = {name: keys[name] for name in document["witnesses"]}
        log, quorum = document["log"], document["quorum"]
        trust = TrustRoot(str(log["origin"]), decode64(log["key"]), witnesses, quorum)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ExportMalformed("trust root: expected log, parties, witnesses and quorum") from None
    if type(quorum) is not int or not 1 <= quorum <= len(witnesses):
        raise ExportMalformed(f"trust root: expected a quorum of 1 to {len(witnesses)}")
    if any(len(key) != 32 for key in (trust.log_key, *witnesses.values())):
        raise ExportMalformed("trust root: expected keys of 32 bytes")
    # A v1 cosignature does not sign the witness's name: one key under two names would count twice.
    if len(set(witnesses.values())) != len(document["witnesses"]):
        raise ExportMalformed("trust root: expected witnesses with a key of their own")
    return trust


def read_entries(export: IO[bytes], size: int, pin: str) -> bytes:
    """Read `size` entry lines and return the root over them, RFC 9162 §2.1.1, in constant memory."""
    sha256 = hashlib.sha256
    stack: list[bytes] = []
    for index in range(size):
        line = read_line(export, MAX_ENTRY + 1)
        entry = canonical(line)
        if index == 0:
            check_first(entry, pin)
        # Leaves are hashed with 0x00 and nodes with 0x01, so that no node can pass for a leaf.
        node = sha256(b"\x00" + line).digest()
        carry = index
        while carry & 1:
            node = sha256(b"\x01" + stack.pop() + node).digest()
            carry >>= 1
        stack.append(node)
    root = stack.pop()
    while stack:
        root = sha256(b"\x01" + stack.pop() + root).digest()
    return root


def check_first(entry: dict[str, Any], pin: str) -> None:
    """Raise ExportRefused unless the entry is the trust root with the pinned digest."""
    digests = entry.get("digests")
    found = digests.get("trust-root") if isinstance(digests, dict) else None
    if entry.get("type") != "trust-root" or found != pin:
        raise ExportRefused(f"entry 0: expected the trust root {pin}, got {found}")


def check_note(text: str, size: int, root: bytes, trust: TrustRoot) -> dict[str, int]:
    """Check the checkpoint against size and root, the log's signature and the quorum; return the times."""
    body, lines = split_note(text)
    origin, signed_size, signed_root = read_body(body)
    if origin != trust.origin or signed_size != size:
        raise ExportRefused(
            f"checkpoint: expected `{trust.origin}` at {size}, got `{origin}` at {signed_size}"
        )
    if signed_root != root:
        raise ExportRefused(f"root over {size} entries: expected {signed_root.hex()}, got {root.hex()}")
    log_id = key_id(trust.origin, 1, trust.log_key)
    signed, cosigned_at = False, dict[str, int]()
    for name, blob in lines:
        witness_key = trust.witness_keys.get(name)
        if name == trust.origin and blob[:4] == log_id and not signed:
            check_ed25519(trust.log_key, blob[4:], body, name)
            signed = True
        elif witness_key and blob[:4] == key_id(name, 4, witness_key) and name not in cosigned_at:
            at = int.from_bytes(blob[4:12], "big")
            check_ed25519(witness_key, blob[12:], f"cosignature/v1\ntime {at}\n{body}", name)
            cosigned_at[name] = at
        else:
            # C2SP lets a reader skip unknown keys; an export has none, so a line nobody vouches for is a change.
            raise ExportRefused(f"checkpoint: expected one signature by the log or a witness, got `{name}`")
    if not signed:
        raise ExportRefused(f"checkpoint: expected a signature by `{trust.origin}`, got none")
    if len(cosigned_at) < trust.quorum:
        raise ExportRefused(f"checkpoint: expected {trust.quorum} witnesses, got {len(cosigned_at)}")
    return cosigned_at


def split_note(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the note's text and its (key name, key id and signature) lines."""
    body, separator, tail = text.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise ExportMalformed("checkpoint: expected a text, an empty line and signature lines")
    lines = []
    for line in tail.split("\n")[:-1]:
        name, _, blob = line.removeprefix(DASH).partition(" ")
        if not line.startswith(DASH):
            raise ExportMalformed("checkpoint: expected signature lines to begin with an em dash")
        lines.append((name, decode64(blob)))
    return body + "\n", lines


def read_body(body: str) -> tuple[str, int, bytes]:
    """Return origin, size and root of a checkpoint body of exactly three lines."""
    lines = body.split("\n")
    if len(lines) != 4 or not re.fullmatch("[1-9][0-9]{0,18}", lines[1], re.ASCII):
        raise ExportMalformed("checkpoint: expected origin, size and root")
    return lines[0], int(lines[1]), decode64(lines[2])


def key_id(name: str, kind: int, key: bytes) -> bytes:
    """Return the 4-byte key id of C2SP signed-note."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]


def check_ed25519(key: bytes, signature: bytes, message: str, name: str) -> None:
    """Raise ExportRefused unless the signature verifies."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message.encode())
    except (InvalidSignature, ValueError):
        raise ExportRefused(f"checkpoint: signature by `{name}` does not verify") from None


def read_line(export: IO[bytes], limit: int) -> bytes:
    """Return the next line without its newline; raise ExportMalformed if it is missing or too long."""
    line = export.readline(limit)
    if not line.endswith(b"\n"):
        raise ExportMalformed(f"expected a line of at most {limit - 1} bytes, got {len(line)}")
    return line[:-1]


def canonical(line: bytes, fields: set[str] | None = None) -> dict[str, Any]:
    """Return the JSON object on a line, after checking that the line is its one canonical spelling (RFC 8785)."""
    try:
        value, _ = DECODE(line.decode())
        # Writing it again shows duplicate keys, order, spaces, escapes and text behind the object.
        # Names are ASCII and numbers integers, so that Python's sorted keys are those of RFC 8785.
        same = isinstance(value, dict) and ENCODE(value).encode() == line
    except (ValueError, RecursionError):
        raise ExportMalformed("expected a line of JSON without floats") from None
    if not same or (fields is not None and value.keys() != fields):
        raise ExportMalformed("expected a canonical JSON object")
    fields_read: dict[str, Any] = value
    return fields_read


def decode64(text: str) -> bytes:
    """Undo canonical base64; raise ExportMalformed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise ExportMalformed("expected base64") from None
    if base64.b64encode(raw).decode("ascii") != text:
        raise ExportMalformed("expected the canonical spelling of base64")
    return raw


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; refuse a key that stands twice."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def refuse_float(_: str) -> NoReturn:
    raise ValueError("float")


DECODE = json.JSONDecoder(parse_float=refuse_float, parse_constant=refuse_float).raw_decode
ENCODE: Callable[[object], str] = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(description="Verify an export of the evidence log offline.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--trust-root", type=Path, required=True)
    parser.add_argument("--pin", required=True, help="SHA-256 of the trust root's payload, 64 hex digits")
    options = parser.parse_args(arguments)
    try:
        report = verify_export(options.export, options.trust_root.read_bytes(), options.pin)
    except (ExportMalformed, OSError) as error:
        print(f"malformed: {error}", file=sys.stderr)
        return 2
    except ExportRefused as error:
        print(f"refused: {error}", file=sys.stderr)
        return 3
    print(f"verified: {report.size} entries of {report.origin}, root {report.root}")
    for name, at in sorted(report.cosigned_at.items()):
        print(f"cosigned: {name} at {at}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
