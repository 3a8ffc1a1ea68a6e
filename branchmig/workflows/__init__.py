"""What joins git, the graph and databases for a command: checks, status, sync, reports."""
