"""Joins git, graph and database for one command."""
