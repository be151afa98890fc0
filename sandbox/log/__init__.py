"""The evidence log: the operator's durable side of `policies.log`, and its offline verifier."""
