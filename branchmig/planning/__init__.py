"""PURE. A graph and version rows to steps, problems or explanations; knows no file, git or database."""
