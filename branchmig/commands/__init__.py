"""One file per command, named after it: parse, call, render, return."""
