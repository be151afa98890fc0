"""Masked sums: each party hides its vector so that only the sum over the whole roster opens, and only at the gate.

    y_i = enc(x_i) + PRG(r_i) + sum_{j>i} PRG(K_ij) - sum_{j<i} PRG(K_ij)      (mod 2^64)

Rules:
- K_ij = HKDF-SHA256(X25519(i, j), salt=sid, info=label || low || 0x00 || high). The sid covers the signed plan, so
  any changed bit of it gives other keys and the masks no longer cancel.
- Parties are ordered by the bytes of their names; the lower one adds, the higher one subtracts.
- r_i is a fresh seed, sealed to the gate; without it a single domain (n = 1) is still hidden from the coordinator.
- There is no self mask and no share of any key: if one party is absent the run is aborted (n <= 3 by protocol;
  larger rosters may be run the same way).
- In the BFV variant the pair masks are uniform residues modulo t and there is no receiver mask, since the
  ciphertext already hides the vector from everyone but the gate.
- C_i = SHA-256(rho_i || enc(x_i)) commits a party to what it encoded; it is opened to the auditor on dispute.

Follows protocols.md section 2.3, stages R1, R3 and R6 (after Bonawitz et al., CCS 2017). Left to others: signatures,
the transcript, the session table, disclosure control before masking and after opening.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NewType

import numpy as np
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from enclaves.protocols import prg, ring
from enclaves.protocols.errors import CommitmentMismatch, ProtocolError
from enclaves.protocols.labels import Label
from enclaves.protocols.ring import Encoded, Masked, Total

SID_BYTES: Final = 32
OPENING_KEY_BYTES: Final = 32

PairKey = NewType("PairKey", bytes)
ReceiverKey = NewType("ReceiverKey", bytes)
# Residues modulo t, plain and pair-masked; one-dimensional `<u8` arrays.
Residues = NewType("Residues", NDArray[np.uint64])
MaskedResidues = NewType("MaskedResidues", NDArray[np.uint64])


@dataclass(frozen=True, slots=True)
class EphemeralKey:
    """The X25519 key of one party for one run, made from 32 fresh random bytes that the caller supplies."""

    private: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.private) != 32:
            raise ProtocolError(f"expected 32 bytes of randomness, got {len(self.private)}")

    @property
    def public(self) -> bytes:
        """The 32 public bytes (RFC 7748) that stand in the signed key bundle."""
        return X25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()


def pair_key(private: EphemeralKey, peer_public: bytes, *, sid: bytes, low: str, high: str) -> PairKey:
    """The 32-byte mask key that the parties `low` < `high` share in the run `sid`.

    Raises ProtocolError for a malformed or small-order peer key, a sid that is not 32 bytes, or names out of order.
    """
    if len(sid) != SID_BYTES:
        raise ProtocolError(f"expected a sid of {SID_BYTES} bytes, got {len(sid)}")
    if _name(low) >= _name(high):
        raise ProtocolError(f"expected party names in order, got `{low}` and `{high}`")
    try:
        peer = X25519PublicKey.from_public_bytes(peer_public)
        shared = X25519PrivateKey.from_private_bytes(private.private).exchange(peer)
    except ValueError:
        # RFC 7748 section 6.1: an all-zero result means a small-order key, which would let a third party know K_ij.
        raise ProtocolError("expected a 32-byte public key of full order") from None
    info = Label.SECAGG_PAIR.value + _name(low) + b"\0" + _name(high)
    return PairKey(HKDF(hashes.SHA256(), length=prg.KEY_BYTES, salt=sid, info=info).derive(shared))


def receiver_key_info(sid: bytes, *, party: str) -> bytes:
    """The HPKE info under which `party` seals its receiver-mask seed to the gate: label || sid || party."""
    if len(sid) != SID_BYTES:
        raise ProtocolError(f"expected a sid of {SID_BYTES} bytes, got {len(sid)}")
    return Label.SECAGG_RECEIVER.value + sid + _name(party)


def mask(
    encoded: Encoded, *, party: str, pair_keys: Mapping[str, PairKey], receiver_key: ReceiverKey, start: int
) -> Masked:
    """y_i for slots start .. start+len-1, as a new array of shape (slots,).

    `pair_keys` maps every other party of the roster to the shared key; it is empty for n = 1. `start` continues
    across chunks. Callers that keep state go through `one_use`, which never hands out a slot twice.
    """
    masked = encoded.astype("<u8", copy=True)
    ring.check_words(masked, slots=len(encoded))
    for peer, key in pair_keys.items():
        if adds(party, peer):
            prg.add_words(masked, key, start=start)
        else:
            prg.subtract_words(masked, key, start=start)
    prg.add_words(masked, receiver_key, start=start)
    return Masked(masked)


def open_sum(
    contributions: Mapping[str, Masked], *, receiver_keys: Mapping[str, ReceiverKey], start: int
) -> Total:
    """The sum of all parties' encoded vectors for slots start .. start+len-1.

    Both mappings must name exactly the same, non-empty set of parties: the caller takes that set from the signed
    roster. A missing or foreign contribution leaves masks uncanceled and the result is uniform noise.

    Raises ProtocolError if the sets differ or the lengths do.
    """
    if not contributions or contributions.keys() != receiver_keys.keys():
        raise ProtocolError(
            f"expected one contribution per receiver key, got {len(contributions)} and {len(receiver_keys)}"
        )
    slots = len(next(iter(contributions.values())))
    total = ring.add(contributions.values(), slots=slots)
    for key in receiver_keys.values():
        prg.subtract_words(total, key, start=start)
    return Total(total)


def residues(values: NDArray[np.int64], *, modulus: int) -> Residues:
    """Signed `values` as residues modulo `modulus`; each magnitude must stay below half of it.

    Raises ProtocolError otherwise: a value that does not fit is refused, never wrapped.
    """
    if values.dtype != np.int64 or values.ndim != 1:
        raise ProtocolError(f"expected a flat int64 array, got {values.dtype} of {values.ndim} dimensions")
    half = (modulus - 1) // 2
    if values.size and not (-half <= int(values.min()) and int(values.max()) <= half):
        raise ProtocolError(f"expected values within half of the modulus {modulus}, got a larger one")
    return Residues(np.mod(values, modulus).astype("<u8"))


def mask_mod(
    values: Residues, *, modulus: int, party: str, pair_keys: Mapping[str, PairKey], start: int
) -> MaskedResidues:
    """Residues plus pair masks modulo `modulus`, for encryption under BFV; no receiver mask.

    The masks of all parties cancel modulo t, so the gate decrypts only the sum to something meaningful.
    Raises ProtocolError for a residue that is not below the modulus.
    """
    ring.check_words(values, slots=len(values))
    if values.size and int(values.max()) >= modulus:
        raise ProtocolError(f"expected residues below {modulus}, got a larger one")
    m = np.uint64(modulus)
    masked = values.astype("<u8", copy=True)
    for peer, key in pair_keys.items():
        pad = prg.words_mod(key, modulus=modulus, start=start, count=len(masked))
        # Residues stay below 2^28, so neither the sum nor m - pad wraps before the reduction.
        np.add(masked, pad if adds(party, peer) else m - pad, out=masked)
        np.remainder(masked, m, out=masked)
    return MaskedResidues(masked)


def commitment(opening_key: bytes, *chunks: Encoded) -> bytes:
    """C_i = SHA-256(opening_key || enc(x_i)), 32 bytes; chunks in slot order commit to the whole vector.

    `opening_key` is 32 fresh random bytes: without it the commitment tells nothing about the vector.
    """
    if len(opening_key) != OPENING_KEY_BYTES:
        raise ProtocolError(f"expected an opening key of {OPENING_KEY_BYTES} bytes, got {len(opening_key)}")
    digest = hashlib.sha256(opening_key)
    for chunk in chunks:
        digest.update(ring.to_wire(chunk))
    return digest.digest()


def check_opening(committed: bytes, opening_key: bytes, *chunks: Encoded) -> None:
    """Raise CommitmentMismatch unless `chunks` are what `committed` stands for."""
    if commitment(opening_key, *chunks) != committed:
        raise CommitmentMismatch("expected the committed contribution, got another one")


def adds(party: str, peer: str) -> bool:
    """Whether `party` adds the mask it shares with `peer`: the lower name adds, the higher subtracts."""
    own, other = _name(party), _name(peer)
    if own == other:
        raise ProtocolError(f"expected a peer other than the party itself, got `{peer}`")
    return own < other


def _name(party: str) -> bytes:
    """The bytes of a party's name; a zero byte would let two different pairs derive one key."""
    encoded = party.encode("utf-8", errors="surrogatepass")
    if not encoded or b"\0" in encoded:
        raise ProtocolError("expected a party name without zero bytes, got an empty or unfit one")
    return encoded
