"""The life of a job as tables: states, events, transitions, effects. Pure; the edge is `sandbox.jobs.orchestrator`.

Rules the tables hold:

- Nothing runs before the intent is cosigned, and nothing is handed over before the outcome is cosigned.
- A lost process (silence, or a refusal `session_lost`) means a new attempt with new keys, at most `MAX_ATTEMPTS`; a run is
  never repeated. A policy refusal by any party ends the job.
- A run that recovers takes two more steps between contributions and opening; whether it does follows from its plan.
- A job whose results all lie on the shelf ends at once, before any intent.
- Every end after the intent is recorded as an outcome, the bad ones too.
- A table that people must look at first waits in `review`, as long as the job lasts: people are given no attempt timeout.
- An event that a state does not expect is ignored: messages may come late, and ends are final.

Follows docs/protocol.md sections 4, 6 and 7. A test asks whether every pair of state and event is here or ignored by
name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from policies.documents.authorization import Mode

MAX_ATTEMPTS: Final = 3


class State(StrEnum):
    """Where a job stands; the words of the wire."""

    SUBMITTED = "submitted"
    AWAITING_INTENT = "awaiting-intent"
    AWAITING_KEY = "awaiting-key"
    KEYS = "keys"
    TRANSCRIPTS = "transcripts"
    CONTRIBUTIONS = "contributions"
    SURVIVORS = "survivors"
    """In a run that recovers: enclaves agree whose vectors are summed."""
    UNMASKING = "unmasking"
    """In a run that recovers: enclaves give away the shares that take the masks off."""
    OPENING = "opening"
    REVIEW = "review"
    """Two reviewers of two organizations look at the table that is to leave (L8)."""
    AWAITING_OUTCOME = "awaiting-outcome"
    HANDOVER = "handover"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen to a job."""

    ADMITTED = "admitted"
    DENIED = "denied"
    STORED = "stored"
    """Admitted, and everything it asks for lies on the shelf already: nothing is run and nothing debited."""
    COSIGNED = "cosigned"
    """A quorum has cosigned the entry the state waits for."""
    KEY_CAME = "key-came"
    BUNDLES_CAME = "bundles-came"
    """All of the roster, here and below."""
    TRANSCRIPTS_CAME = "transcripts-came"
    CONTRIBUTIONS_CAME = "contributions-came"
    SURVIVORS_KNOWN = "survivors-known"
    """Of a run that recovers, all contributions, or enough of them when the time is up."""
    AGREEMENTS_CAME = "agreements-came"
    """As many as must agree, and below as must help."""
    UNMASKINGS_CAME = "unmaskings-came"
    RELEASE_CAME = "release-came"
    REVIEW_WANTED = "review-wanted"
    """A release came that people must approve first."""
    REVIEWED = "reviewed"
    HANDED_OVER = "handed-over"
    POLICY_REFUSED = "policy-refused"
    LOST = "lost"
    EXHAUSTED = "exhausted"
    """Lost, and no attempt is left."""
    EXPIRED = "expired"
    HALTED = "halted"
    """What the job runs under was suspended or revoked."""
    CANCEL = "cancel"


class Effect(StrEnum):
    """What the edge does, in the transaction of the change."""

    LOG_INTENT = "log-intent"
    REQUEST_KEY = "request-key"
    MAIL_PLAN = "mail-plan"
    RELAY_BUNDLES = "relay-bundles"
    RELAY_TRANSCRIPTS = "relay-transcripts"
    ANNOUNCE_SURVIVORS = "announce-survivors"
    RELAY_AGREEMENTS = "relay-agreements"
    MAIL_OPEN = "mail-open"
    LOG_RELEASE = "log-release"
    MAIL_OUTCOME = "mail-outcome"
    STORE_SLOTS = "store-slots"
    ABORT = "abort"
    """Tell everyone of the run that it is over."""
    LOG_REFUSAL = "log-refusal"
    LOG_END = "log-end"
    NEXT_ATTEMPT = "next-attempt"
    """Count an attempt and begin it: which state comes first depends on the mode."""


TERMINAL: Final = frozenset({State.DONE, State.REFUSED, State.FAILED, State.CANCELLED})
RUN_STATES: Final = frozenset(
    {
        State.AWAITING_KEY,
        State.KEYS,
        State.TRANSCRIPTS,
        State.CONTRIBUTIONS,
        State.SURVIVORS,
        State.UNMASKING,
        State.OPENING,
        State.REVIEW,
        State.AWAITING_OUTCOME,
        State.HANDOVER,
    }
)
UNHURRIED: Final = frozenset({State.REVIEW})
"""Run states in which people are waited for: only the job's own expiry ends them."""
WAITING_FOR_QUORUM: Final = frozenset({State.AWAITING_INTENT, State.AWAITING_OUTCOME})


@dataclass(frozen=True, slots=True)
class Step:
    """The state after an event and what must be done with it. `state` None: the first state of an attempt."""

    state: State | None
    effects: tuple[Effect, ...] = ()


_FIRST_OF_ATTEMPT: Final[Mapping[Mode, Step]] = MappingProxyType(
    {
        Mode.MASKED: Step(State.KEYS, (Effect.MAIL_PLAN,)),
        Mode.BFV: Step(State.AWAITING_KEY, (Effect.REQUEST_KEY,)),
        # The key is older than the job, which cites it.
        Mode.PAILLIER: Step(State.KEYS, (Effect.MAIL_PLAN,)),
    }
)

_FORWARD: Final[Mapping[tuple[State, Event], Step]] = MappingProxyType(
    {
        (State.SUBMITTED, Event.ADMITTED): Step(State.AWAITING_INTENT, (Effect.LOG_INTENT,)),
        (State.SUBMITTED, Event.DENIED): Step(State.REFUSED, (Effect.LOG_REFUSAL,)),
        (State.SUBMITTED, Event.STORED): Step(State.DONE),
        (State.AWAITING_INTENT, Event.COSIGNED): Step(None, (Effect.NEXT_ATTEMPT,)),
        (State.AWAITING_INTENT, Event.EXPIRED): Step(State.FAILED, (Effect.LOG_END,)),
        (State.AWAITING_INTENT, Event.HALTED): Step(State.REFUSED, (Effect.LOG_END,)),
        (State.AWAITING_INTENT, Event.CANCEL): Step(State.CANCELLED, (Effect.LOG_END,)),
        (State.AWAITING_KEY, Event.KEY_CAME): Step(State.KEYS, (Effect.MAIL_PLAN,)),
        (State.KEYS, Event.BUNDLES_CAME): Step(State.TRANSCRIPTS, (Effect.RELAY_BUNDLES,)),
        (State.TRANSCRIPTS, Event.TRANSCRIPTS_CAME): Step(State.CONTRIBUTIONS, (Effect.RELAY_TRANSCRIPTS,)),
        (State.CONTRIBUTIONS, Event.CONTRIBUTIONS_CAME): Step(State.OPENING, (Effect.MAIL_OPEN,)),
        (State.CONTRIBUTIONS, Event.SURVIVORS_KNOWN): Step(State.SURVIVORS, (Effect.ANNOUNCE_SURVIVORS,)),
        (State.SURVIVORS, Event.AGREEMENTS_CAME): Step(State.UNMASKING, (Effect.RELAY_AGREEMENTS,)),
        (State.UNMASKING, Event.UNMASKINGS_CAME): Step(State.OPENING, (Effect.MAIL_OPEN,)),
        (State.OPENING, Event.RELEASE_CAME): Step(State.AWAITING_OUTCOME, (Effect.LOG_RELEASE,)),
        (State.OPENING, Event.REVIEW_WANTED): Step(State.REVIEW),
        (State.REVIEW, Event.REVIEWED): Step(State.AWAITING_OUTCOME, (Effect.LOG_RELEASE,)),
        (State.AWAITING_OUTCOME, Event.COSIGNED): Step(State.HANDOVER, (Effect.MAIL_OUTCOME,)),
        (State.HANDOVER, Event.HANDED_OVER): Step(State.DONE, (Effect.STORE_SLOTS,)),
    }
)

_OF_ANY_RUN: Final[Mapping[Event, Step]] = MappingProxyType(
    {
        Event.POLICY_REFUSED: Step(State.REFUSED, (Effect.ABORT, Effect.LOG_END)),
        Event.LOST: Step(None, (Effect.ABORT, Effect.NEXT_ATTEMPT)),
        Event.EXHAUSTED: Step(State.FAILED, (Effect.ABORT, Effect.LOG_END)),
        Event.EXPIRED: Step(State.FAILED, (Effect.ABORT, Effect.LOG_END)),
        Event.HALTED: Step(State.REFUSED, (Effect.ABORT, Effect.LOG_END)),
        Event.CANCEL: Step(State.CANCELLED, (Effect.ABORT, Effect.LOG_END)),
    }
)

TRANSITIONS: Final[Mapping[tuple[State, Event], Step]] = MappingProxyType(
    {
        **_FORWARD,
        **{(state, event): step for state in RUN_STATES for event, step in _OF_ANY_RUN.items()},
    }
)


def step(state: State, event: Event, *, mode: Mode) -> Step | None:
    """What follows from `event` in `state`; None when the state does not expect it."""
    found = TRANSITIONS.get((state, event))
    if found is None or found.state is not None:
        return found
    first = _FIRST_OF_ATTEMPT[mode]
    return Step(first.state, found.effects + first.effects)


def loss(attempt: int) -> Event:
    """What losing attempt number `attempt` (1 …) means."""
    return Event.LOST if attempt < MAX_ATTEMPTS else Event.EXHAUSTED
