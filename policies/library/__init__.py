"""The product's rules as Cedar policies; read by `policies.decision.engine`, explained in docs/policies.md."""
