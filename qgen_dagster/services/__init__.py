"""One use case each; the only place that joins the parts.

Not here: SQL (`bank/`), Dagster (`defs/`), printing (`cli/`).
"""
