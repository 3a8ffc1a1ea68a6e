"""One file per command, named after it: it parses, calls, renders and returns."""
