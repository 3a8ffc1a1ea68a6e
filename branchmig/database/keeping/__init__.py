"""States of databases that branches keep: records, and moves on each kind of server."""
