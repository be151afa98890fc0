"""The decision point: facts from signed documents, decided by Cedar, and the Permit that only a decision makes.

`Case` → `facts_of` → `decide` → `Decision`; `grant` does all three and returns a `Permit` or raises `Refused`.
"""
