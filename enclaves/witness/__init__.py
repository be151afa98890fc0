"""Witnessing the evidence log: replay every entry, remember durably, and only then cosign."""
