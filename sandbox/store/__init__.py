"""The coordinator's durable state: one SQLite database and the attachment files beside it."""
