"""Making questions: providers, item models, the batch engine and its limits.

Not here: deciding how many (`core/plan.py`), judging (`judging/`), comparing (`dedup/`).
"""
