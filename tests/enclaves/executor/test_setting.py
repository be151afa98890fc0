"""The setting: bounds that are none are refused, and each kind has its pool."""

from __future__ import annotations

import pytest

from enclaves.executor.choosing import executor_of
from enclaves.executor.errors import SettingInvalid
from enclaves.executor.setting import Kind, Setting, kind_of


def test_the_setting_goes_with_its_executor() -> None:
    for name in ("local", "ray"):
        assert executor_of(Setting(kind_of(name), retries=7)).setting == Setting(kind_of(name), retries=7)


@pytest.mark.parametrize("text", ["", "Local", "dask", "local "])
def test_another_executor_is_refused(text: str) -> None:
    with pytest.raises(SettingInvalid):
        kind_of(text)


@pytest.mark.parametrize(
    "bounds",
    [
        {"workers": 0},
        {"workers": 5000, "in_flight": 5000},
        {"workers": 3, "in_flight": 2},
        {"retries": -1},
        {"retries": 11},
        {"worker_memory_bytes": 0},
        {"object_store_bytes": 0},
        {"address": "127.0.0.1:6379"},
        *(
            {"kind": Kind.RAY, "address": text}
            for text in ("", "nowhere", ":1", "h:0", "h:65536", "ray://h:1", "h:１")
        ),
    ],
)
def test_bounds_that_are_none_are_refused(bounds: dict[str, object]) -> None:
    with pytest.raises(SettingInvalid):
        Setting(**bounds)  # type: ignore[arg-type]  # wrong on purpose
