"""Signed documents and attachments as the coordinator keeps them, and the evidence it writes about them."""
