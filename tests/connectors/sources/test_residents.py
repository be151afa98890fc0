"""The column-wise check of resident numbers against the one-by-one reference in `policies.resident`."""

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.sources.residents import canonical
from policies.resident import ResidentId, ResidentIdInvalid, check_character
from tests.connectors.kit import resident


def reference(text: str) -> str | None:
    try:
        return ResidentId.parse(text).text
    except ResidentIdInvalid:
        return None


DIGITS = st.text("0123456789", min_size=17, max_size=17)
BORN = st.builds(
    lambda place, year, month, day, order: f"{place:06d}{year:04d}{month:02d}{day:02d}{order:03d}",
    st.integers(0, 999999),
    st.integers(0, 2100),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 999),
)
WHOLE = st.one_of(DIGITS, BORN).map(lambda first: first + check_character(first))
NUMBERS = st.one_of(
    WHOLE,
    WHOLE.map(str.lower),
    WHOLE.map(lambda text: f" {text}\t"),
    st.builds(lambda first, last: first + last, BORN, st.sampled_from("0123456789Xx*")),
    BORN.map(lambda first: first[:6] + first[8:]),
    st.text(max_size=20),
    st.text(min_size=15, max_size=18),
)


@given(st.lists(NUMBERS, max_size=30))
@example(["", "1" * 15, "é" * 9, "é" * 18, "١" * 18, "44030519900230001X"])
@example(["000000000101996", "000000000101995", "00000000010199A"])
@example(["110105194912310024", "11010519491231002x", "110105491231002", "11010549123100X"])
def test_a_column_is_judged_as_its_numbers_are_one_by_one(texts: list[str]) -> None:
    found, valid = canonical(pa.array(texts, pa.string()))
    judged = [text if ok else None for text, ok in zip(found.to_pylist(), valid.tolist(), strict=True)]
    assert judged == [reference(text) for text in texts]


def test_a_slice_is_judged_like_a_copy() -> None:
    texts = pa.array([resident(number) for number in range(20)])
    found, valid = canonical(texts.slice(5, 10))
    assert valid.all()
    assert found.to_pylist() == texts.to_pylist()[5:15]
