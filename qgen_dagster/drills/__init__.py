"""Drills: backgammon positions, the engine that judges plays, and exercises made from both.

Within: `board` ← `plays` ← `notation` ← `features` ← the rest. Not here: SQL (`bank/positions.py`), Dagster, calls of
language models, and joining all this into a series (`services/`).
"""
