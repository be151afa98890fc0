"""The bench of this room runs, and checks its own results before it gives a figure."""

from __future__ import annotations

from enclaves.bench import paillier


def test_every_figure_stands_beside_phes() -> None:
    found = paillier.measure(rows=2, scores=60, peer_rows=1, repeats=1)
    assert all(value > 0 for value in found.values())
    ours = {"paillier_rows_per_second", "paillier_rows_online_per_second", "packed_scores_per_second"}
    phes = {"phe_rows_per_second", "phe_float_rows_per_second", "phe_scores_per_second"}
    assert ours | phes <= set(found)
