"""Providers, one file each, behind the contract of `generation/provider.py`."""
