"""Judging candidates: item-writing rules, rubric, blind solving, the verdict, and what salvage may try.

Not here: the loop over candidates and their states (`services/judge.py`), making questions (`generation/`).
"""
