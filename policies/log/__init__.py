"""The transparency log's agreed part: hashes, proofs, notes, entries and the witness.

Pure: bytes in, verdict out. Storage and serving live in `sandbox.log`.
"""
