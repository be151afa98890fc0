"""When an answer may leave: the end of the whole second its work ended in, so that time tells no more than that.

Rules (protocols.md section 1.2, A13):
- Counted from the start of the job, not from the clock, so that the moment of asking cannot shift the boundary.
- Never before the work has ended, never sooner than one bucket, and at most one bucket later than the work.
- A refusal is an answer: it leaves by the same rule, or refusing would be the fast answer.

Every step counts the same bucket, so work that takes longer for one table than for another is seen only where it crosses a
whole bucket: one bit, at a place the asker cannot choose in governed SQL. Both instants come from one monotonic clock;
waiting is the caller's.
"""

from __future__ import annotations

import math
from typing import Final

BUCKET_SECONDS: Final = 1.0


def release_at(started: float, finished: float, bucket: float = BUCKET_SECONDS) -> float:
    """The instant, in the seconds of the clock given, at which an answer to work from `started` to `finished` may leave.

    Raises ValueError for instants that are not finite or run backwards, or a bucket that is not positive.
    """
    if not (math.isfinite(started) and math.isfinite(finished) and finished >= started):
        raise ValueError("expected two finite instants in order")
    if not (math.isfinite(bucket) and bucket > 0):
        raise ValueError("expected a bucket above 0 seconds")
    buckets = max(1, math.ceil((finished - started) / bucket))
    # Rounding in the sum must not let an answer leave before its work has ended.
    return max(started + buckets * bucket, finished)
