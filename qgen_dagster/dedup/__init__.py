"""Finds duplicates of candidates: exact, structural, and semantic by nearest vectors and then by content.

Here: the rules and the embedders. Not here: SQL (`bank/vectors.py`), states of candidates and locks (a service), and
the hashes that make exact and structural equality (`core/question.py`).
"""
