"""Packaged configuration, and the settings that name the operator's own.

Here: reading and checking it. Not here: what it configures.
"""
