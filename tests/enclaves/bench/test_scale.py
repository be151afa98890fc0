"""The growth bench: whole figures on a small job, held against the undivided store."""

from __future__ import annotations

from pathlib import Path

from enclaves.bench.scale import measure
from enclaves.executor.setting import Setting


def test_a_size_has_its_figures_and_the_bits_of_the_undivided_store(tmp_path: Path) -> None:
    setting = Setting(worker_memory_bytes=6 << 30)
    (figures,) = measure(tmp_path, sizes=(2000,), persons=1000, setting=setting)
    assert (figures.subjects, figures.partitions, figures.workers) == (2000, 2, 2)
    assert figures.peak_mb > figures.worker_peak_mb > 0
    assert figures.whole_seconds is not None
