"""Settings, the layout of any place, and the work tree, joined into what a command opens."""
