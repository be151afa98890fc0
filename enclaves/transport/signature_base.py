"""The signature base of a plain message, written without the general library (RFC 9421 section 2.5, docs/protocol.md 1).

A message of this profile covers the same components in the same order every time, and nearly all of them consist of plain
characters. For these the base is a handful of lines; the general parser and serializer of structured fields take some two
hundred times as long, and a run is some sixty signed requests. Rules:

- Plain is what `PLAIN` says and nothing else: no percent escapes, no empty or dotted path segments, no other ports or hosts
  than names and numbers, printable ASCII in fields. Whatever is not plain goes to the library, signing as well as verifying.
- For what is plain the base is the library's, byte for byte; tests compare the two over generated messages.
- Of a Signature-Input only the one spelling that the library writes is read here; any other goes to the library.

No signature is made or checked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PLAIN: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "@method": re.compile("[A-Z]{1,16}"),
        "@authority": re.compile("[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?(:[1-9][0-9]{0,4})?"),
        "@path": re.compile("(/[A-Za-z0-9_-]{1,200}){1,16}"),
        "@query": re.compile(r"\?[A-Za-z0-9_=&-]{0,1000}"),
        "@status": re.compile("[1-9][0-9]{2}"),
    }
)
_FIELD: Final = re.compile("[!-~]([ -~]{0,1022}[!-~])?")
_TEXT: Final = '"[ !#-\\[\\]-~]{0,200}"'
# The order in which the library writes parameters.
_INPUT: Final = re.compile(
    rf"\((?P<covered>[ -'*-~]*)\);created=(?P<created>[1-9][0-9]{{0,14}});keyid=(?P<keyid>{_TEXT});alg=(?P<alg>{_TEXT})"
    rf"(;expires=(?P<expires>[1-9][0-9]{{0,14}});nonce=(?P<nonce>{_TEXT}))?;tag=(?P<tag>{_TEXT})"
)


@dataclass(frozen=True, slots=True)
class SignatureInput:
    """What a Signature-Input says: the covered components as written, and the parameters."""

    text: str
    covered: str
    parameters: Mapping[str, int | str]


def base(components: Mapping[str, str], signature_params: str) -> bytes | None:
    """The base of `components`, name as written → value; None if one of them is not plain."""
    lines = []
    for name, value in components.items():
        pattern = PLAIN.get(name.strip('"'), _FIELD)
        if not pattern.fullmatch(value):
            return None
        lines.append(f"{name}: {value}")
    lines.append(f'"@signature-params": {signature_params}')
    return "\n".join(lines).encode("ascii")


def write_input(
    covered: Sequence[str],
    *,
    created: int,
    keyid: str,
    alg: str,
    tag: str,
    expires: int | None = None,
    nonce: str | None = None,
) -> str:
    """The parameters as the library writes them; `keyid`, `alg`, `nonce` and `tag` need no escapes."""
    window = "" if expires is None else f';expires={expires};nonce="{nonce}"'
    return f'({" ".join(covered)});created={created};keyid="{keyid}";alg="{alg}"{window};tag="{tag}"'


def read_input(text: str) -> SignatureInput | None:
    """What `write_input` wrote; None for any other spelling."""
    found = _INPUT.fullmatch(text)
    if found is None:
        return None
    said = {name: value for name, value in found.groupdict().items() if value is not None}
    covered = said.pop("covered")
    numbers = {name: int(said.pop(name)) for name in ("created", "expires") if name in said}
    parameters: dict[str, int | str] = {name: value[1:-1] for name, value in said.items()}
    return SignatureInput(text, covered, parameters | numbers)
