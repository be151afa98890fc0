"""The life of a job as tables: every pair of state and event is a transition or ignored by name, and nothing is a dead end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.documents.authorization import Mode
from sandbox.jobs.states import (
    MAX_ATTEMPTS,
    RUN_STATES,
    TERMINAL,
    TRANSITIONS,
    UNHURRIED,
    WAITING_FOR_QUORUM,
    Effect,
    Event,
    State,
    loss,
    step,
)

# The story of docs/protocol.md sections 4 and 6, written down a second time: what each state waits for, and what comes then.
STORY: dict[State, dict[Event, State | None]] = {
    State.SUBMITTED: {
        Event.ADMITTED: State.AWAITING_INTENT,
        Event.DENIED: State.REFUSED,
        Event.STORED: State.DONE,
    },
    State.AWAITING_INTENT: {Event.COSIGNED: None},
    State.AWAITING_KEY: {Event.KEY_CAME: State.KEYS},
    State.KEYS: {Event.BUNDLES_CAME: State.TRANSCRIPTS},
    State.TRANSCRIPTS: {Event.TRANSCRIPTS_CAME: State.CONTRIBUTIONS},
    State.CONTRIBUTIONS: {
        Event.CONTRIBUTIONS_CAME: State.OPENING,
        Event.SURVIVORS_KNOWN: State.SURVIVORS,
    },
    State.SURVIVORS: {Event.AGREEMENTS_CAME: State.UNMASKING},
    State.UNMASKING: {Event.UNMASKINGS_CAME: State.OPENING},
    State.OPENING: {Event.RELEASE_CAME: State.AWAITING_OUTCOME, Event.REVIEW_WANTED: State.REVIEW},
    State.REVIEW: {Event.REVIEWED: State.AWAITING_OUTCOME},
    State.AWAITING_OUTCOME: {Event.COSIGNED: State.HANDOVER},
    State.HANDOVER: {Event.HANDED_OVER: State.DONE},
}
STOPS = {Event.EXPIRED: State.FAILED, Event.HALTED: State.REFUSED, Event.CANCEL: State.CANCELLED}
RUN_ENDS = {Event.POLICY_REFUSED: State.REFUSED, Event.EXHAUSTED: State.FAILED, Event.LOST: None}
FIRST = {Mode.MASKED: State.KEYS, Mode.PAILLIER: State.KEYS, Mode.BFV: State.AWAITING_KEY}


def expected(state: State, event: Event, mode: Mode) -> State | None:
    """The state after `event`, by the story; None for an event the state ignores."""
    follows: dict[Event, State | None] = dict(STORY.get(state, {}))
    if state in STORY and state is not State.SUBMITTED:
        follows |= STOPS
    if state in STORY and state not in {State.SUBMITTED, State.AWAITING_INTENT}:
        follows |= RUN_ENDS
    if event not in follows:
        return None
    return follows[event] or FIRST[mode]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_pair_of_state_and_event_is_a_transition_or_ignored_by_name(
    state: State, event: Event, mode: Mode
) -> None:
    following = step(state, event, mode=mode)
    assert (following.state if following else None) is expected(state, event, mode)


def test_ends_are_final_and_every_other_state_reaches_one() -> None:
    for state in State:
        left = {following.state for (origin, _), following in TRANSITIONS.items() if origin is state}
        assert bool(left) == (state not in TERMINAL)
    reached = set(TERMINAL)
    while True:
        more = {
            state
            for state, event in TRANSITIONS
            for mode in Mode
            if (following := step(state, event, mode=mode)) and following.state in reached
        }
        if more <= reached:
            break
        reached |= more
    assert reached == set(State)


def test_every_state_that_waits_ends_by_time_alone() -> None:
    for state in set(State) - TERMINAL - {State.SUBMITTED}:
        expired = step(state, Event.EXPIRED, mode=Mode.MASKED)
        assert expired is not None
        assert expired.state in TERMINAL
    assert WAITING_FOR_QUORUM | RUN_STATES | {State.SUBMITTED} | TERMINAL == set(State)


@pytest.mark.req("RQ-047")
def test_every_end_after_the_intent_is_recorded() -> None:
    for (state, event), following in TRANSITIONS.items():
        if following.state in TERMINAL - {State.DONE} and state is not State.SUBMITTED:
            assert Effect.LOG_END in following.effects, (state, event)
    for state, event in ((State.OPENING, Event.RELEASE_CAME), (State.REVIEW, Event.REVIEWED)):
        released = step(state, event, mode=Mode.MASKED)
        assert released is not None
        assert Effect.LOG_RELEASE in released.effects
    wanted = step(State.OPENING, Event.REVIEW_WANTED, mode=Mode.MASKED)
    assert wanted is not None
    assert Effect.LOG_RELEASE not in wanted.effects


def test_people_are_waited_for_in_run_states_alone() -> None:
    assert {State.REVIEW} == UNHURRIED
    assert UNHURRIED < RUN_STATES - WAITING_FOR_QUORUM


def test_a_run_that_ends_early_is_aborted_for_everyone() -> None:
    for (state, event), following in TRANSITIONS.items():
        if state in RUN_STATES and event in STOPS | RUN_ENDS:
            assert Effect.ABORT in following.effects, (state, event)


@given(st.sampled_from(Mode), st.lists(st.sampled_from(Event), max_size=60))
def test_whatever_happens_a_job_has_at_most_three_attempts_and_one_end(
    mode: Mode, events: list[Event]
) -> None:
    state, attempt, plans, cosigned = State.SUBMITTED, 0, 0, 0
    for event in events:
        if event in {Event.LOST, Event.EXHAUSTED}:
            event = loss(attempt)
        following = step(state, event, mode=mode)
        if following is None:
            continue
        assert state not in TERMINAL
        assert following.state is not None
        attempt += Effect.NEXT_ATTEMPT in following.effects
        plans += Effect.MAIL_PLAN in following.effects
        cosigned += event is Event.COSIGNED
        state = following.state
        if Effect.MAIL_PLAN in following.effects:
            assert cosigned >= 1
        if state is State.DONE and event is not Event.STORED:
            assert cosigned >= 2
    assert attempt <= MAX_ATTEMPTS
    assert plans <= MAX_ATTEMPTS
