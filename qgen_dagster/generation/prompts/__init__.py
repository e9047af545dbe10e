"""What models are told: prompts as versioned YAML files, and the code that reads and renders them.

Here: the files (`*.yaml` one per task, `types/` one per question type), reading them (`files.py`), putting them
together (`render.py`), the output contracts (`schemas.py`), text of others as harmless data (`shown.py`). Not here:
calling a model (`providers/`), reading what it says (`replies/`).
"""
