"""The ledger's rule: bits and model versions end, and the vector form says the same as the scalar one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.capacity import CapacityExhausted, Spent, accepts, can_debit, debit
from policies.documents.authorization import Limits

LIMITS = Limits(vet_jobs=1, score_jobs=1, fetches=1)


@pytest.mark.req("RQ-309")
def test_bits_end_at_the_limit() -> None:
    spent = Spent(bits=27, models=frozenset({"m1"}))
    assert debit(spent, model="m1", bits=5, limits=LIMITS).bits == 32
    with pytest.raises(CapacityExhausted, match="32 bits"):
        debit(spent, model="m1", bits=6, limits=LIMITS)


@pytest.mark.req("RQ-309")
def test_the_fifth_model_of_a_year_is_refused() -> None:
    spent = Spent()
    for model in ("m1", "m2", "m3", "m4"):
        spent = debit(spent, model=model, bits=1, limits=LIMITS)
    with pytest.raises(CapacityExhausted, match="4 models"):
        debit(spent, model="m5", bits=1, limits=LIMITS)
    assert debit(spent, model="m1", bits=1, limits=LIMITS).models == spent.models


def test_a_release_that_says_nothing_is_no_release() -> None:
    for bits in (0, -1):
        assert not can_debit(Spent(), model="m", bits=bits, limits=LIMITS)
        with pytest.raises(CapacityExhausted):
            accepts(
                np.zeros(1, np.int64),
                np.zeros(1, np.int64),
                counted=np.zeros(1, bool),
                other_data=np.zeros(1, bool),
                bits=bits,
                limits=LIMITS,
            )
    with pytest.raises(CapacityExhausted):
        Spent(bits=-1)


def test_a_second_score_from_other_data_waits_thirty_days() -> None:
    spent = debit(Spent(), model="m", bits=4, limits=LIMITS)
    with pytest.raises(CapacityExhausted, match="30 days"):
        debit(spent, model="m", bits=4, limits=LIMITS, other_data=True)
    assert debit(spent, model="m", bits=4, limits=LIMITS).bits == 8


people = st.lists(
    st.tuples(
        st.integers(0, 40), st.sets(st.sampled_from(["m", "m1", "m2", "m3", "m4", "m5"])), st.booleans()
    ),
    max_size=20,
)


@given(people=people, bits=st.integers(1, 5), most_bits=st.integers(1, 32), most_models=st.integers(1, 4))
def test_many_people_at_once_get_the_same_answers_as_one_by_one(
    people: list[tuple[int, set[str], bool]], bits: int, most_bits: int, most_models: int
) -> None:
    limits = LIMITS.model_copy(
        update={"bits_per_subject_year": most_bits, "model_versions_per_subject_year": most_models}
    )
    single = [
        can_debit(Spent(b, frozenset(m)), model="m", bits=bits, limits=limits, other_data=other)
        for b, m, other in people
    ]
    many = accepts(
        np.array([b for b, _, _ in people], dtype=np.int64),
        np.array([len(m) for _, m, _ in people], dtype=np.int64),
        counted=np.array(["m" in m for _, m, _ in people], dtype=bool),
        other_data=np.array([other for _, _, other in people], dtype=bool),
        bits=bits,
        limits=limits,
    )
    assert many.tolist() == single
