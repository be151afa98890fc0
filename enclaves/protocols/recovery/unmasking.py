"""R5: which shares a party gives away, and how the gate puts secrets together from them.

Rules:
1. For each survivor the share of its self mask, for each other party of the roster the share of its mask seed: the two sets
   part the roster, so an answer cannot hold both kinds for one party. When all delivered, no seed is shared (fast path).
2. An answer is signed under T1 and U3. It counts only with exactly the shares rule 1 names, all at its sender's coordinate.
3. A self mask put together is checked against H_b, a seed against the published mask key: a wrong share, by whoever dealt
   or gave it, ends the session instead of changing the sum.

Follows protocols.md section 2.3, R5. Giving an answer once only is `party`'s.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from enclaves.protocols.labels import Label
from enclaves.protocols.recovery import shamir
from enclaves.protocols.recovery.bundles import Roll, Sign, mask_key_of, self_commitment_of
from enclaves.protocols.recovery.dealing import Held
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.session import Keys, Session, check_signature, name_bytes
from enclaves.protocols.recovery.shamir import Share
from enclaves.protocols.recovery.survivors import Survivors, dropped_of


@dataclass(frozen=True, slots=True)
class Answer:
    """The shares that one party gives away in a session."""

    party: str
    of_self_masks: Mapping[str, Share] = field(repr=False)
    of_mask_seeds: Mapping[str, Share] = field(repr=False)
    signature: bytes

    def signed(self, session: Session, *, transcript: bytes, survivors: Survivors) -> bytes:
        """The bytes under the signature. The kinds of shares follow from U3, which is among them."""
        shares = (
            name_bytes(party) + b"\0" + share.to_wire()
            for kind in (self.of_self_masks, self.of_mask_seeds)
            for party, share in sorted(kind.items(), key=lambda item: name_bytes(item[0]))
        )
        names = b"\0".join(name_bytes(party) for party in survivors)
        return session.statement(Label.SECAGG_UNMASK, transcript, name_bytes(self.party), names, *shares)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the gate put together: self masks of the survivors, mask seeds of the others."""

    self_masks: dict[str, bytes] = field(repr=False)
    mask_seeds: dict[str, bytes] = field(repr=False)


def answer_of(
    session: Session, party: str, held: Mapping[str, Held], *, survivors: Survivors, roll: Roll, sign: Sign
) -> Answer:
    """The one answer of `party` in this session."""
    unsigned = Answer(
        party=party,
        of_self_masks={survivor: held[survivor].of_self_mask for survivor in survivors},
        of_mask_seeds={gone: held[gone].of_mask_seed for gone in dropped_of(session, survivors)},
        signature=b"",
    )
    signature = sign(unsigned.signed(session, transcript=roll.transcript, survivors=survivors))
    return Answer(party, unsigned.of_self_masks, unsigned.of_mask_seeds, signature)


def check_answers(
    session: Session, answers: Iterable[Answer], *, survivors: Survivors, roll: Roll, keys: Keys
) -> tuple[Answer, ...]:
    """At least t answers of different survivors, each with exactly the shares it must have. Raises RecoveryRefused."""
    checked: dict[str, Answer] = {}
    dropped = dropped_of(session, survivors)
    for answer in answers:
        if answer.party not in survivors or answer.party in checked:
            raise RecoveryRefused(Reason.ANSWERS, "expected one answer of each survivor, got another")
        if answer.of_self_masks.keys() != set(survivors) or answer.of_mask_seeds.keys() != set(dropped):
            raise RecoveryRefused(
                Reason.ANSWERS,
                f"expected {len(survivors)} shares of self masks and {len(dropped)} of mask seeds from "
                f"`{answer.party}`, got others",
            )
        shares = (*answer.of_self_masks.values(), *answer.of_mask_seeds.values())
        if {share.x for share in shares} != {session.number(answer.party)}:
            raise RecoveryRefused(Reason.ANSWERS, f"expected shares of `{answer.party}`, got another party's")
        message = answer.signed(session, transcript=roll.transcript, survivors=survivors)
        check_signature(keys, answer.party, signature=answer.signature, message=message)
        checked[answer.party] = answer
    if len(checked) < session.needed:
        raise RecoveryRefused(
            Reason.ANSWERS, f"expected at least {session.needed} answers, got {len(checked)}"
        )
    return tuple(checked[party] for party in survivors if party in checked)


def recover(session: Session, answers: Sequence[Answer], *, survivors: Survivors, roll: Roll) -> Recovered:
    """All secrets the sum needs, from checked answers; each is checked against its bundle. Raises RecoveryRefused."""
    chosen = answers[: session.needed]
    return Recovered(
        self_masks={
            party: _self_mask(session, party, [a.of_self_masks[party] for a in chosen], roll=roll)
            for party in survivors
        },
        mask_seeds={
            party: _mask_seed(session, party, [a.of_mask_seeds[party] for a in chosen], roll=roll)
            for party in dropped_of(session, survivors)
        },
    )


def _self_mask(session: Session, party: str, shares: Sequence[Share], *, roll: Roll) -> bytes:
    secret = shamir.combine(shares, needed=session.needed)
    committed = roll.bundles[party].self_commitment
    if not hmac.compare_digest(self_commitment_of(session, party, secret), committed):
        raise RecoveryRefused(Reason.SHARE, f"expected the self mask `{party}` committed to, got another")
    return secret


def _mask_seed(session: Session, party: str, shares: Sequence[Share], *, roll: Roll) -> bytes:
    secret = shamir.combine(shares, needed=session.needed)
    if mask_key_of(session, secret).public != roll.bundles[party].mask_key:
        raise RecoveryRefused(Reason.SHARE, f"expected the seed of the mask key of `{party}`, got another")
    return secret
