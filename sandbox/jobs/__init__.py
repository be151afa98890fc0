"""The life of a job: admitted, planned, relayed, recorded, ended."""
