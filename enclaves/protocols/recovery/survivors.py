"""R4: the one set of survivors that a party agrees to, and when enough of them agree on the same one.

Rules:
1. U3 lists at least t parties of the roster, in its order, without repetition.
2. Only a member of U3 signs it; each signs one U3 in a session.
3. U3 stands once t of its members signed this U3. Two different sets would need 2t - n > n/3 parties that sign twice, so
   with fewer colluders than that no coordinator can show one set to some parties and another to the rest (attack A9).

Follows protocols.md section 2.3, R4 (the consistency round of Bonawitz et al., CCS 2017).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from enclaves.protocols.labels import Label
from enclaves.protocols.recovery.bundles import Roll, Sign
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.session import Keys, Session, check_signature, name_bytes

Survivors = tuple[str, ...]
"""U3: whose vectors are in the sum, in roster order."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One party's signature on one U3."""

    party: str
    survivors: Survivors
    signature: bytes


def check_survivors(session: Session, announced: Sequence[str]) -> Survivors:
    """U3 as a tuple. Raises RecoveryRefused for strangers, repetition, another order or fewer than t."""
    chosen = set(announced)
    if tuple(announced) != tuple(party for party in session.roster if party in chosen):
        raise RecoveryRefused(Reason.SURVIVORS, "expected survivors of the roster in its order, each once")
    if len(chosen) < session.needed:
        raise RecoveryRefused(
            Reason.SURVIVORS, f"expected at least {session.needed} survivors, got {len(chosen)}"
        )
    return tuple(announced)


def dropped_of(session: Session, survivors: Survivors) -> tuple[str, ...]:
    """The rest of the roster, in its order."""
    return tuple(party for party in session.roster if party not in survivors)


def agreement_of(session: Session, party: str, survivors: Survivors, *, roll: Roll, sign: Sign) -> Agreement:
    """The signature of `party` on `survivors`. Raises RecoveryRefused unless it is one of them."""
    if party not in survivors:
        raise RecoveryRefused(
            Reason.SURVIVORS, f"expected `{party}` among the survivors it signs, got a set without it"
        )
    signature = sign(_statement(session, party, survivors, transcript=roll.transcript))
    return Agreement(party, survivors, signature)


def check_agreement(
    session: Session, agreements: Iterable[Agreement], *, survivors: Survivors, roll: Roll, keys: Keys
) -> None:
    """Raise RecoveryRefused unless at least t different members of `survivors`, and nobody else, signed exactly it."""
    heard = set()
    for said in agreements:
        if said.survivors != survivors or said.party not in survivors or said.party in heard:
            raise RecoveryRefused(
                Reason.SURVIVORS, "expected signatures of different survivors on the same set, got another"
            )
        message = _statement(session, said.party, survivors, transcript=roll.transcript)
        check_signature(keys, said.party, signature=said.signature, message=message)
        heard.add(said.party)
    if len(heard) < session.needed:
        raise RecoveryRefused(
            Reason.SURVIVORS, f"expected at least {session.needed} signatures on one set, got {len(heard)}"
        )


def _statement(session: Session, party: str, survivors: Survivors, *, transcript: bytes) -> bytes:
    names = (name_bytes(survivor) for survivor in survivors)
    return session.statement(Label.SECAGG_SURVIVORS, transcript, name_bytes(party), *names)
