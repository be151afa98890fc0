"""Why one person's score is not handed over: code → reason and smallest change, in Chinese and English.

These are states of a consent or of a stored score, found by look-up; rules are in `policies.library`. The policy id of each is
its code with hyphens, so that a caller reads both kinds of refusal alike. A test asks whether the table is whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from policies.documents.fields import Bilingual
from policies.documents.strict_json import Json

_ASK: Final = Bilingual(
    zh="请本人通过授权服务重新同意", en="ask the person to consent again at the consent service"
)
_SCORE: Final = Bilingual(
    zh="提交包含此人的评分作业后再取", en="submit a score job that includes the person, then fetch again"
)

REASONS: Final[Mapping[str, tuple[Bilingual, Bilingual]]] = MappingProxyType(
    {
        "consent_missing": (
            Bilingual(
                zh="没有此人对本场景、本接收方的授权同意",
                en="there is no consent of this person for this scenario and recipient",
            ),
            _ASK,
        ),
        "consent_withdrawn": (Bilingual(zh="本人已撤回同意", en="the person withdrew the consent"), _ASK),
        "consent_expired": (Bilingual(zh="本人的同意已到期", en="the person's consent has expired"), _ASK),
        "score_not_found": (
            Bilingual(zh="尚无此人的评分", en="there is no score of this person under the authorization yet"),
            _SCORE,
        ),
        "score_expired": (Bilingual(zh="此人的评分已过有效期", en="the person's score has expired"), _SCORE),
    }
)


def reason_of_code(code: str) -> dict[str, Json]:
    """The members of a problem for a code of the table; for another, the code alone."""
    found = REASONS.get(code)
    if found is None:
        return {"code": code}
    reason, change = found
    return {
        "code": code,
        "policy": code.replace("_", "-"),
        "reason": {"zh": reason.zh, "en": reason.en},
        "change": {"zh": change.zh, "en": change.en},
        "where": "consents",
    }
