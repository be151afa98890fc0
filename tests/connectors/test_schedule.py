"""When a data set is due, for each of the seven frequencies of the plan."""

from datetime import timedelta

import pytest

from connectors.schedule import PERIOD_DAYS, due_at, is_overdue
from policies.documents.dataset import SyncFrequency
from tests.connectors.kit import NOW


@pytest.mark.req("RQ-106")
def test_every_frequency_of_the_plan_has_a_period() -> None:
    assert set(PERIOD_DAYS) == set(SyncFrequency)
    assert len(SyncFrequency) == 7


@pytest.mark.req("RQ-106")
@pytest.mark.parametrize("frequency", [one for one in SyncFrequency if one is not SyncFrequency.ONCE])
def test_a_resource_is_overdue_once_its_period_has_passed(frequency: SyncFrequency) -> None:
    due = due_at(frequency, NOW)
    assert due is not None
    assert due > NOW
    assert not is_overdue(frequency, NOW, now=due)
    assert is_overdue(frequency, NOW, now=due + timedelta(seconds=1))


def test_data_imported_once_is_never_due() -> None:
    assert due_at(SyncFrequency.ONCE, NOW) is None
    assert not is_overdue(SyncFrequency.ONCE, NOW, now=NOW + timedelta(days=10_000))


def test_a_refresh_on_the_same_day_of_every_month_is_in_time() -> None:
    assert not is_overdue(SyncFrequency.MONTHLY, NOW.replace(month=7), now=NOW.replace(month=8))
