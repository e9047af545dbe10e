"""Helpers of the tests: a chain without Dagster, providers with faults."""
