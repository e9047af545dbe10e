"""The bank in PostgreSQL: engine, tables, repositories, embedded server. The only place that knows SQL.

Not here: rules of the pipeline; a repository reads and writes rows, a service decides.
"""
