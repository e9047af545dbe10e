"""The words of the product as types and pure functions.

Here: strata, questions, inventory, plan, batches, funnel, errors. Not here: I/O of any kind, clocks, randomness that
was not handed in, and anything that knows SQL, Dagster or a provider.
"""
