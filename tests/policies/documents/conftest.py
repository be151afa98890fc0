"""Makes the vectors' own scripts importable: the documents of the example district and the corruptions of them."""

from __future__ import annotations

import sys
from pathlib import Path

VECTORS = Path(__file__).parents[2] / "vectors" / "documents"
sys.path.insert(0, str(VECTORS))
