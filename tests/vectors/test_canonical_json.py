"""RFC 8785's own examples: through `strict_json.canonical`, and `rfc8785` below it where that refuses floats."""

from __future__ import annotations

import json
import struct

import pytest
import rfc8785

from policies.documents import strict_json
from policies.documents.strict_json import JsonRefused, canonical

# Section 3.2.2 as printed; section 3.2.4 has its canonical bytes.
EXAMPLE = r"""{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}"""
CANONICAL = bytes.fromhex(
    "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e33333333"
    "3333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c"
    "5c5c5c5c222f227d"
)
# Section 3.2.3: names sorted by UTF-16 code units, in which the surrogates of an emoji come before U+FB33.
NAMES = {
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\U0001f600": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
}
SORTED = (
    "Carriage Return",
    "One",
    "Control",
    "Latin Small Letter O With Diaeresis",
    "Euro Sign",
    "Emoji: Grinning Face",
    "Hebrew Letter Dalet With Dagesh",
)
# Appendix B: the bits of a double, and its text.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


def test_example_of_section_3_2() -> None:
    value = json.loads(EXAMPLE)
    assert rfc8785.dumps(value) == CANONICAL
    # Signed documents have no floats: the wrapper refuses the numbers and gives the RFC's bytes for all else.
    with pytest.raises(JsonRefused):
        canonical(value)
    del value["numbers"]
    start, end = CANONICAL.index(b'"numbers"'), CANONICAL.index(b'"string"')
    assert canonical(value) == CANONICAL[:start] + CANONICAL[end:]


def test_names_are_sorted_by_utf_16_code_units() -> None:
    written = canonical(dict(NAMES))
    assert tuple(json.loads(written).values()) == SORTED
    assert strict_json.parse(written) == NAMES
    assert canonical(dict(reversed(NAMES.items()))) == written


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_of_appendix_b(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert rfc8785.dumps(number).decode() == text
    with pytest.raises(JsonRefused):
        canonical(number)


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000"])
def test_numbers_that_json_has_not_are_refused(bits: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(rfc8785.FloatDomainError):
        rfc8785.dumps(number)
    with pytest.raises(JsonRefused):
        canonical(number)


@pytest.mark.parametrize("sign", [1, -1])
def test_integers_end_where_doubles_are_exact(sign: int) -> None:
    assert canonical(sign * (2**53 - 1)).decode() == str(sign * 9007199254740991)
    with pytest.raises(JsonRefused):
        canonical(sign * 2**53)
