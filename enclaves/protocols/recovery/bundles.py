"""R1: what each party draws, what it publishes of it, and the transcript that all of them must have seen alike.

Rules:
1. Two X25519 keys a party: the share key c carries sealed shares, the mask key s gives pair masks. s is derived from a seed,
   and the seed is what is shared out, so that a seed put together again can be checked against the published key.
2. H_b = SHA-256(label || sid || i || b_i) commits to the self mask, so that a b_i put together again can be checked too.
3. One signed bundle per party of the roster, no more and no fewer; all published keys and commitments are different.
4. T1 is the hash of all bundles in roster order, signatures included.

Follows protocols.md section 2.3, R1, and the T1 of R2. Boot keys and their chains are the caller's.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from enclaves.protocols.labels import Label
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.session import Keys, Session, check_signature, name_bytes
from enclaves.protocols.recovery.shamir import SECRET_BYTES, Draw
from enclaves.protocols.secagg import EphemeralKey, ReceiverKey

Sign = Callable[[bytes], bytes]
"""Signs with the party's boot key: 64 bytes of Ed25519."""
PUBLIC_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Drawn:
    """The secrets of one party for one session: all different, all used once."""

    share_key: EphemeralKey
    mask_seed: bytes = field(repr=False)
    self_mask: bytes = field(repr=False)
    receiver_mask: ReceiverKey = field(repr=False)
    opening_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one party publishes: its two public keys, its commitment H_b, its signature over them."""

    party: str
    share_key: bytes
    mask_key: bytes
    self_commitment: bytes
    signature: bytes

    def signed(self, session: Session) -> bytes:
        """The bytes under the signature."""
        return session.statement(
            Label.SECAGG_KEYS, name_bytes(self.party), self.share_key, self.mask_key, self.self_commitment
        )


@dataclass(frozen=True, slots=True)
class Roll:
    """All verified bundles of a session, by party in roster order, and their transcript T1."""

    bundles: dict[str, Bundle]
    transcript: bytes


def draw_secrets(draw: Draw) -> Drawn:
    """Five fresh secrets. Raises RecoveryRefused if the source gives too few bytes, or the same twice."""
    drawn = [draw(SECRET_BYTES) for _ in range(5)]
    if any(len(secret) != SECRET_BYTES for secret in drawn) or len(set(drawn)) != len(drawn):
        raise RecoveryRefused(
            Reason.RANDOMNESS, "expected five different secrets of 32 bytes from the source"
        )
    share_key, mask_seed, self_mask, receiver_mask, opening_key = drawn
    return Drawn(EphemeralKey(share_key), mask_seed, self_mask, ReceiverKey(receiver_mask), opening_key)


def mask_key_of(session: Session, seed: bytes) -> EphemeralKey:
    """s_i, derived from the seed that is shared out."""
    derived = HKDF(hashes.SHA256(), length=PUBLIC_BYTES, salt=session.sid, info=Label.SECAGG_SEED.value)
    return EphemeralKey(derived.derive(seed))


def self_commitment_of(session: Session, party: str, self_mask: bytes) -> bytes:
    """H_b, 32 bytes."""
    return session.digest(Label.SECAGG_SELF, name_bytes(party), self_mask)


def bundle_of(session: Session, party: str, drawn: Drawn, *, sign: Sign) -> Bundle:
    """The signed bundle of `party`."""
    unsigned = Bundle(
        party=party,
        share_key=drawn.share_key.public,
        mask_key=mask_key_of(session, drawn.mask_seed).public,
        self_commitment=self_commitment_of(session, party, drawn.self_mask),
        signature=b"",
    )
    return Bundle(
        party=party,
        share_key=unsigned.share_key,
        mask_key=unsigned.mask_key,
        self_commitment=unsigned.self_commitment,
        signature=sign(unsigned.signed(session)),
    )


def check_bundles(session: Session, bundles: Iterable[Bundle], keys: Keys) -> Roll:
    """The roll of a session whose every bundle is present, signed and unlike the others. Raises RecoveryRefused."""
    by_party: dict[str, Bundle] = {}
    for bundle in bundles:
        if bundle.party in by_party:
            raise RecoveryRefused(Reason.BUNDLES, f"expected one bundle of `{bundle.party}`, got two")
        by_party[bundle.party] = bundle
    if by_party.keys() != set(session.roster):
        raise RecoveryRefused(
            Reason.BUNDLES, f"expected bundles of the {len(session.roster)} parties of the roster, got others"
        )
    published = [value for b in by_party.values() for value in (b.share_key, b.mask_key, b.self_commitment)]
    if any(len(value) != PUBLIC_BYTES for value in published) or len(set(published)) != len(published):
        raise RecoveryRefused(Reason.BUNDLES, "expected keys and commitments that all differ, got one twice")
    ordered = {party: by_party[party] for party in session.roster}
    for bundle in ordered.values():
        check_signature(keys, bundle.party, signature=bundle.signature, message=bundle.signed(session))
    return Roll(ordered, transcript_of(session, ordered.values()))


def transcript_of(session: Session, ordered: Iterable[Bundle]) -> bytes:
    """T1 over bundles in roster order, 32 bytes."""
    parts = (part for b in ordered for part in (b.signed(session), b.signature))
    return session.digest(Label.SECAGG_TRANSCRIPT, *parts)
