"""One module per command group, each with an `app`; `cli/main.py` lists them and imports only the one that is used."""
