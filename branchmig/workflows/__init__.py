"""What joins git, graph and database for one command."""
