"""mailrouter: a mail filter for support desks. Start reading at `router/triage.py`."""
