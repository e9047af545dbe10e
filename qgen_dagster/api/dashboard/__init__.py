"""The dashboard: pages for a browser, made on the server, over the same services as the API.

A page works without scripts; htmx keeps what is under way up to date. Nothing comes from outside, and the pages' policy
forbids it. To add a page: a module with a `SECTION`, a template, a line in `sections.py`. Not here: the API's routes
(one folder up), what is read (`services/`), how an item looks (`services/item_html.py`).
"""
