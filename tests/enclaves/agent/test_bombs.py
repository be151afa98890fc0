"""An enclave whose worker is a bomb answers a refusal, lives, and does the next job right.

The worker is replaced by one that uses up time, memory or the agent's patience, or falls over; everything around it is
real: the confined child, its limits, the agent, the gate and the mailboxes between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from enclaves.agent import workers
from enclaves.isolation.confined import ConfinedRun, run_confined
from enclaves.isolation.limits import Limits
from tests.enclaves.agent.district import District, found, resident

PROBES = Path(__file__).parents[1] / "isolation" / "probes"
# Time enough for what ends by itself, also beside other work.
ROOMY = Limits(wall_seconds=90.0, address_space_bytes=1 << 30, output_bytes=8 << 20)
LIMITS = {"spin": replace(ROOMY, wall_seconds=1.0), "stop": replace(ROOMY, wall_seconds=1.0)}
# What the enclave says: `session_lost` where another attempt with new keys may do better, else what was wrong.
ANSWERS = {
    "spin": "session_lost",
    "stop": "session_lost",
    "fault": "session_lost",
    "allocate": "worker_failed",
    "flood": "worker_output_refused",
    "nothing": "worker_output_refused",
}


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"), ("hospital", "social"))


@pytest.mark.parametrize("act", ANSWERS)
def test_an_enclave_with_a_bomb_for_a_worker_refuses_and_lives(
    act: str, district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bomb(
        target: str, order: Iterable[bytes], *, files: Mapping[str, Path], limits: Limits
    ) -> ConfinedRun:
        assert target == "enclaves.worker.score"
        assert limits.wall_seconds > ROOMY.wall_seconds
        return run_confined(
            "bombs",
            [act.encode(), b"", *order],
            files=files,
            limits=LIMITS.get(act, ROOMY),
            extra_targets=("bombs",),
            source_roots=(PROBES,),
        )

    people = [resident(number) for number in range(5, 25)]
    job = district.job(district.consent(people))
    plan, body = district.plan(job)
    district.start(plan, body)
    district.relay_bundles(plan)
    with monkeypatch.context() as patched:
        patched.setattr(workers, "run_confined", bomb)
        district.relay_transcripts(plan)
    assert set(district.refusals(plan)) == {ANSWERS[act]}
    assert not district.relay.said("contribution", plan.sid.hex())
    # The same people, a new job: both enclaves and the gate are still there.
    plan, release = district.run(district.job(district.consent(people)))
    assert district.bands(plan, release) == [district.reference_band(person) for person in people]
