"""The journal: a table beside the version table that records every step, and what is derived from it."""
