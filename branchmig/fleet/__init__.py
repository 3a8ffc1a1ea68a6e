"""PURE. A fleet: many databases that run one project's revisions; the decisions about them, and no action."""
