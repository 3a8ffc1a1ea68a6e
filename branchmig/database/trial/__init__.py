"""Where revisions are tried out: states of databases, kept and copied; what a build reads; databases for tests."""
