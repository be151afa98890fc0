"""The coordinator's HTTP interface: docs/protocol.md section 2, one router for each noun."""
