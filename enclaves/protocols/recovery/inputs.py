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

from enclaves.protocols import secagg
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.labels import Label
from enclaves.protocols.recovery import lanes
from enclaves.protocols.recovery.bundles import Drawn, Roll, Sign, mask_key_of
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.session import Keys, Session, check_signature, name_bytes
from enclaves.protocols.ring import Encoded, Masked
from enclaves.protocols.secagg import EphemeralKey, PairKey

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


def own_pair_keys(session: Session, party: str, drawn: Drawn, *, roll: Roll) -> dict[str, PairKey]:
    """K_ij of the party that drew `drawn`."""
    return pair_keys_of(session, party, mask_key_of(session, drawn.mask_seed), roll=roll)


def check_input(session: Session, encoded: Encoded, noise: Encoded | None) -> None:
    """Raise RecoveryRefused unless vector and noise have the session's shape and the vector its bound."""
    for words in (encoded,) if noise is None else (encoded, noise):
        lanes.check_words(words, slots=session.slots, lanes=session.lanes)
    lanes.check_bound(encoded, session.bound, session.lanes)


def masked_vector(
    session: Session,
    party: str,
    drawn: Drawn,
    *,
    pair_keys: Mapping[str, PairKey],
    encoded: Encoded,
    noise: Encoded | None,
) -> Masked:
    """y_i as a new array of session.words words."""
    masked = encoded.astype("<u8", copy=True)
    if noise is not None:
        lanes.add(masked, noise, session.lanes)
    for peer, key in pair_keys.items():
        if secagg.adds(party, peer):
            lanes.add_stream(masked, key, session.lanes)
        else:
            lanes.subtract_stream(masked, key, session.lanes)
    lanes.add_stream(masked, drawn.receiver_mask, session.lanes)
    lanes.add_stream(masked, drawn.self_mask, session.lanes)
    return Masked(masked)


def contribution_of(
    session: Session,
    party: str,
    drawn: Drawn,
    *,
    masked: Masked,
    encoded: Encoded,
    roll: Roll,
    seal: Seal,
    sign: Sign,
) -> Contribution:
    """The signed contribution of `party` with the masked vector `masked`."""
    info = secagg.receiver_key_info(session.sid, party=party)
    sealed = seal(drawn.receiver_mask, info)
    commitment = secagg.commitment(drawn.opening_key, encoded)
    unsigned = Contribution(party, masked, sealed, commitment, b"")
    return Contribution(party, masked, sealed, commitment, sign(unsigned.signed(session, roll.transcript)))


def check_contribution(session: Session, contribution: Contribution, *, roll: Roll, keys: Keys) -> None:
    """Raise RecoveryRefused unless it has the session's shape and its party signed it under T1."""
    lanes.check_words(contribution.masked, slots=session.slots, lanes=session.lanes)
    if not contribution.masked.flags.c_contiguous or len(contribution.commitment) != 32:
        raise RecoveryRefused(Reason.INPUT, "expected a contiguous vector and a commitment of 32 bytes")
    message = contribution.signed(session, roll.transcript)
    check_signature(keys, contribution.party, signature=contribution.signature, message=message)
