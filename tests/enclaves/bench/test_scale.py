"""The growth bench: whole figures on a small job; the bits of every way are compared before a figure is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from enclaves.bench import scale
from enclaves.bench.scale import Growing, bench
from enclaves.executor.setting import Setting

SMALL = Growing(sizes=(2000,), persons=1000, rounds=1, setting=Setting(worker_memory_bytes=6 << 30))


def test_a_size_has_its_figures_and_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    found = bench(SMALL, tmp_path, progress=lambda _: None)
    assert list(found["sizes"]) == ["2000"]
    size = found["sizes"]["2000"]
    assert (size["subjects"], size["partitions"], size["workers"]) == (2000, 2, 2)
    assert size["peak_mb"] > size["worker_peak_mb"] > 0
    assert min(size["seconds"], size["one_worker_seconds"], size["whole_seconds"]) > 0
    # Neither size of the flat figure was measured.
    assert found["flat"] is None
    assert list(tmp_path.iterdir()) == []


def test_other_bits_are_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "_whole", lambda domain, order: iter([b"other"]))
    with pytest.raises(ArithmeticError):
        bench(SMALL, tmp_path, progress=lambda _: None)
