"""Alerts as pure rules: what is worth telling, when it may be told, and how it reads; and the senders of channels.

Not here: the rows (`bank/alerts.py`), joining the two in a transaction (`services/alerts.py`).
"""
