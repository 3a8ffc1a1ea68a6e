"""PURE. A fleet: many databases that one project's revisions go to; what is decided about them, and nothing done."""
