"""The `qgen` command: thin, on typer and rich.

Here: flags, help, speech, and one module per command group in `commands/`. Not here: what the commands do
(`services/`), SQL (`bank/`), Dagster (`defs/`, reached only through `launcher.py`). No module here imports anything
slow at its top: `qgen --help` must answer in a fraction of a second.
"""
