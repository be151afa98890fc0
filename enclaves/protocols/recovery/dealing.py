"""R2: every party deals shares of its mask seed and its self mask to all, sealed one by one, and signs T1.

Rules:
1. Both secrets are shared with the threshold t. What i sends to j is ss(b_i)_j || ss(seed_i)_j under ChaCha20-Poly1305 with
   k = HKDF-SHA256(X25519(c_i, c_j), salt=sid, info=label || i || 0x00 || j), nonce 0 since a key seals one message, and
   aad = label || sid || T1 || i || j. A message that was altered, swapped or taken from elsewhere does not open.
2. A share is of the receiver's own coordinate; any other is refused.
3. Nothing goes on unless all n parties signed the same T1.

Follows protocols.md section 2.3, R2. Whether dealt shares fit together shows when a secret is put together (`unmasking`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from enclaves.protocols.labels import Label
from enclaves.protocols.recovery import shamir
from enclaves.protocols.recovery.bundles import Drawn, Roll, Sign
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.session import Keys, Session, check_signature, name_bytes
from enclaves.protocols.recovery.shamir import SHARE_BYTES, Draw, Share
from enclaves.protocols.secagg import EphemeralKey

# A key seals exactly one message, so a fixed nonce cannot repeat under it (RFC 8439 section 4).
_NONCE: Final = bytes(12)


@dataclass(frozen=True, slots=True)
class Held:
    """The two shares that one party holds of another's secrets, or of its own."""

    of_self_mask: Share = field(repr=False)
    of_mask_seed: Share = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedTranscript:
    """A party's word that it saw exactly the bundles of T1."""

    party: str
    transcript: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Dealing:
    """What a party sends after R1: a sealed pair of shares for each of its peers, and its signature over T1."""

    party: str
    sealed: Mapping[str, bytes]
    transcript: SignedTranscript


def deal(
    session: Session, party: str, drawn: Drawn, *, roll: Roll, draw: Draw, sign: Sign
) -> tuple[Dealing, Held]:
    """The dealing of `party`, and the shares it keeps for itself. Raises RecoveryRefused."""
    count, needed = len(session.roster), session.needed
    masks = shamir.split(drawn.self_mask, parties=count, needed=needed, draw=draw)
    seeds = shamir.split(drawn.mask_seed, parties=count, needed=needed, draw=draw)
    held = {peer: Held(mask, seed) for peer, mask, seed in zip(session.roster, masks, seeds, strict=True)}
    own = held.pop(party)
    sealed = {
        peer: _aead(session, drawn.share_key, roll, sender=party, receiver=peer, own=party).encrypt(
            _NONCE,
            pair.of_self_mask.to_wire() + pair.of_mask_seed.to_wire(),
            _bound_to(session, roll, sender=party, receiver=peer),
        )
        for peer, pair in held.items()
    }
    signature = sign(_transcript_statement(session, party, roll.transcript))
    return Dealing(party, sealed, SignedTranscript(party, roll.transcript, signature)), own


def open_dealt(
    session: Session, party: str, share_key: EphemeralKey, *, roll: Roll, sealed: Mapping[str, bytes]
) -> dict[str, Held]:
    """What every peer dealt to `party`; `sealed` has one message per peer. Raises RecoveryRefused."""
    if sealed.keys() != set(session.roster) - {party}:
        raise RecoveryRefused(
            Reason.SHARE, f"expected sealed shares of {len(session.roster) - 1} peers, got others"
        )
    return {
        sender: _open(session, party, share_key, roll=roll, sender=sender, data=sealed[sender])
        for sender in session.roster
        if sender != party
    }


def check_transcripts(
    session: Session, transcripts: Iterable[SignedTranscript], *, roll: Roll, keys: Keys
) -> None:
    """Raise RecoveryRefused unless each party of the roster signed the T1 of `roll`, once."""
    heard = set()
    for said in transcripts:
        if said.party in heard:
            raise RecoveryRefused(Reason.TRANSCRIPT, f"expected one transcript of `{said.party}`, got two")
        if said.transcript != roll.transcript:
            raise RecoveryRefused(Reason.TRANSCRIPT, f"expected the same T1 from `{said.party}`, got another")
        message = _transcript_statement(session, said.party, said.transcript)
        check_signature(keys, said.party, signature=said.signature, message=message)
        heard.add(said.party)
    if heard != set(session.roster):
        raise RecoveryRefused(
            Reason.TRANSCRIPT, f"expected {len(session.roster)} transcripts, got {len(heard)}"
        )


def _open(
    session: Session, party: str, share_key: EphemeralKey, *, roll: Roll, sender: str, data: bytes
) -> Held:
    aead = _aead(session, share_key, roll, sender=sender, receiver=party, own=party)
    try:
        plain = aead.decrypt(_NONCE, data, _bound_to(session, roll, sender=sender, receiver=party))
    except InvalidTag:
        raise RecoveryRefused(
            Reason.SHARE, f"expected shares sealed by `{sender}` to `{party}`, got others"
        ) from None
    if len(plain) != 2 * SHARE_BYTES:
        raise RecoveryRefused(Reason.SHARE, f"expected two shares of `{sender}`, got {len(plain)} bytes")
    held = Held(Share.from_wire(plain[:SHARE_BYTES]), Share.from_wire(plain[SHARE_BYTES:]))
    if {held.of_self_mask.x, held.of_mask_seed.x} != {session.number(party)}:
        raise RecoveryRefused(Reason.SHARE, f"expected the shares of `{party}`, got those of another party")
    return held


def _aead(
    session: Session, key: EphemeralKey, roll: Roll, *, sender: str, receiver: str, own: str
) -> ChaCha20Poly1305:
    """The cipher of the one message from `sender` to `receiver`; `own` is the one of the two that holds `key`."""
    peer = roll.bundles[receiver if own == sender else sender].share_key
    try:
        shared = X25519PrivateKey.from_private_bytes(key.private).exchange(
            X25519PublicKey.from_public_bytes(peer)
        )
    except ValueError:
        # RFC 7748 section 6.1: an all-zero result means a small-order key, which would let anybody know the cipher key.
        raise RecoveryRefused(Reason.BUNDLES, "expected a share key of full order, got another") from None
    info = Label.SECAGG_SHARE.value + name_bytes(sender) + b"\0" + name_bytes(receiver)
    return ChaCha20Poly1305(HKDF(hashes.SHA256(), length=32, salt=session.sid, info=info).derive(shared))


def _bound_to(session: Session, roll: Roll, *, sender: str, receiver: str) -> bytes:
    return session.statement(Label.SECAGG_SHARE, roll.transcript, name_bytes(sender), name_bytes(receiver))


def _transcript_statement(session: Session, party: str, transcript: bytes) -> bytes:
    return session.statement(Label.SECAGG_SEEN, name_bytes(party), transcript)
