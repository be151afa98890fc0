"""The wire between processes: signed requests, signed answers, and the client of the coordinator."""
