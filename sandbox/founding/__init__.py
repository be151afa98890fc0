"""A one-machine district on disk: keys, trust root, settings files, and who runs what."""

from sandbox.founding.found import create
from sandbox.founding.layout import FoundedDistrict, Founder, FoundingRefused

__all__ = ["FoundedDistrict", "Founder", "FoundingRefused", "create"]
