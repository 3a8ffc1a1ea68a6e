"""PURE. What a script does to the schema and its rows, read from its text and never run."""
