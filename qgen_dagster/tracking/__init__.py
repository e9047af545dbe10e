"""Run metrics and what is made of them.

Not here: the rows (`bank/runs.py`), when a run is recorded (`services/runs.py`).
"""
