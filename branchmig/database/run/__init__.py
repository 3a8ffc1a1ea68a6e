"""env.py runs a plan: the listeners, sessions and reports of a run."""
