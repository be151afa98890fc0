"""`domicile demo`: the whole promise on real data, with real processes and real cryptography, in under a minute."""

from sandbox.demo.run import run

__all__ = ["run"]
