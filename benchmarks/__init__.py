"""branchmig beside alembic: whole commands in turn, as ratios of medians. `python -m benchmarks`."""
