"""The admin API and the dashboard: thin routes over services, their keys, limits and errors.

Not here: what a route does (`services/`), the shapes of runs and statistics (`tracking/`), the command that serves it
(`cli/commands/serve.py`).
"""
