"""The pytest plug-in: a migrated database for each test."""
