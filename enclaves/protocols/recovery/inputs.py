"""R3: the masked vector of one party, and what it signs about it.

    y_i = enc(x_i) + z_i + PRG(b_i) + PRG(r_i) + sum_{j>i} PRG(K_ij) - sum_{j<i} PRG(K_ij)     (mod 2^64 or 2^128)

Rules:
- K_ij, the order of names and the keystream are those of `enclaves.protocols.secagg` and `prg`; every key masks one vector,
  from its first word, once.
- The self mask b_i is what keeps x_i hidden when the pair masks of i are opened because its vector was thought lost.
- x_i is refused beyond the configured bound, never wrapped or clipped here. Noise z_i has passed no check but the room that
  the session leaves for its tail: a check would tell that it was large.
- C_i = SHA-256(rho_i || enc(x_i)) is without noise, so that an auditor can recompute it from the snapshot.
- The signature covers sid, T1, the party, SHA-256(y_i), SHA-256 of the sealed r_i, and C_i.

Follows protocols.md section 2.3, R3.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from enclaves.protocols import secagg
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label
from enclaves.protocols.recovery import lanes
from enclaves.protocols.recovery.bundles import Drawn, Roll, Sign, mask_key_of
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.session import Keys, Session, check_signature, name_bytes
from enclaves.protocols.ring import Encoded, Masked
from enclaves.protocols.secagg import EphemeralKey, PairKey, ReceiverKey

COMMITMENT_BYTES: Final = 32
Seal = Callable[[bytes, bytes], bytes]
"""(plaintext, info) sealed to the gate: `enclaves.protocols.sealing.seal` with the gate's pinned key."""


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """What one party sends for the gate."""

    party: str
    masked: Masked = field(repr=False)
    sealed_receiver_mask: bytes = field(repr=False)
    commitment: bytes
    signature: bytes

    def signed(self, session: Session, transcript: bytes) -> bytes:
        """The bytes under the signature."""
        # The buffer itself is hashed: `<u8` in memory is what goes over the wire.
        return session.statement(
            Label.SECAGG_INPUT,
            transcript,
            name_bytes(self.party),
            hashlib.sha256(self.masked.data).digest(),
            hashlib.sha256(self.sealed_receiver_mask).digest(),
            self.commitment,
        )


@dataclass(frozen=True, slots=True)
class VectorMasks:
    """What the process that encodes a party's vector needs to mask and commit to it: one vector, once."""

    party: str
    pair_keys: Mapping[str, PairKey] = field(repr=False)
    receiver_mask: ReceiverKey = field(repr=False)
    self_mask: bytes = field(repr=False)
    opening_key: bytes = field(repr=False)
    """rho_i, for `secagg.commitment`; the department keeps it for the case of a dispute."""


def pair_keys_of(session: Session, party: str, mask_key: EphemeralKey, *, roll: Roll) -> dict[str, PairKey]:
    """K_ij for every peer of `party`. Raises RecoveryRefused for a small-order mask key."""
    keys = {}
    for peer, bundle in roll.bundles.items():
        if peer == party:
            continue
        low, high = sorted((party, peer), key=name_bytes)
        try:
            keys[peer] = secagg.pair_key(mask_key, bundle.mask_key, sid=session.sid, low=low, high=high)
        except ProtocolError:
            raise RecoveryRefused(
                Reason.BUNDLES, f"expected a mask key of full order from `{peer}`, got another"
            ) from None
    return keys


def vector_masks(session: Session, party: str, drawn: Drawn, *, roll: Roll) -> VectorMasks:
    """The masks of the party that drew `drawn`."""
    mask_key = mask_key_of(session, drawn.mask_seed)
    return VectorMasks(
        party=party,
        pair_keys=pair_keys_of(session, party, mask_key, roll=roll),
        receiver_mask=drawn.receiver_mask,
        self_mask=drawn.self_mask,
        opening_key=drawn.opening_key,
    )


def check_input(session: Session, encoded: Encoded, noise: Encoded | None) -> None:
    """Raise RecoveryRefused unless vector and noise have the session's shape and the vector its bound."""
    for words in (encoded,) if noise is None else (encoded, noise):
        lanes.check_words(words, slots=session.slots, lanes=session.lanes)
    lanes.check_bound(encoded, session.bound, session.lanes)


def masked_vector(session: Session, masks: VectorMasks, *, encoded: Encoded, noise: Encoded | None) -> Masked:
    """y_i as a new array of session.words words; `masks` may serve one vector only. Raises RecoveryRefused."""
    check_input(session, encoded, noise)
    masked = encoded.astype("<u8", copy=True)
    if noise is not None:
        lanes.add(masked, noise, session.lanes)
    for peer, key in masks.pair_keys.items():
        if secagg.adds(masks.party, peer):
            lanes.add_stream(masked, key, session.lanes)
        else:
            lanes.subtract_stream(masked, key, session.lanes)
    lanes.add_stream(masked, masks.receiver_mask, session.lanes)
    lanes.add_stream(masked, masks.self_mask, session.lanes)
    return Masked(masked)


def contribution_of(
    session: Session,
    masks: VectorMasks,
    *,
    masked: Masked,
    commitment: bytes,
    roll: Roll,
    seal: Seal,
    sign: Sign,
) -> Contribution:
    """The signed contribution with the masked vector `masked`, its receiver mask sealed to the gate."""
    sealed = seal(masks.receiver_mask, secagg.receiver_key_info(session.sid, party=masks.party))
    unsigned = Contribution(masks.party, masked, sealed, commitment, b"")
    check_shape(session, unsigned)
    signature = sign(unsigned.signed(session, roll.transcript))
    return Contribution(masks.party, masked, sealed, commitment, signature)


def check_contribution(session: Session, contribution: Contribution, *, roll: Roll, keys: Keys) -> None:
    """Raise RecoveryRefused unless it has the session's shape and its party signed it under T1."""
    check_shape(session, contribution)
    message = contribution.signed(session, roll.transcript)
    check_signature(keys, contribution.party, signature=contribution.signature, message=message)


def check_shape(session: Session, contribution: Contribution) -> None:
    """Raise RecoveryRefused unless vector and commitment have the session's size."""
    lanes.check_words(contribution.masked, slots=session.slots, lanes=session.lanes)
    if not contribution.masked.flags.c_contiguous or len(contribution.commitment) != COMMITMENT_BYTES:
        raise RecoveryRefused(
            Reason.INPUT, f"expected a contiguous vector and a commitment of {COMMITMENT_BYTES} bytes"
        )
