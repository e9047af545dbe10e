"""Reading what models say: pure, tolerant where the meaning is certain, refusing where it is not.

Here: JSON in any wrapping (`find_json.py`), text fit for the bank (`texts.py`), which option is the key (`keys.py`),
questions (`questions.py`), solutions, assessments and comparisons (`verdicts.py`). Not here: asking (`prompts/`,
`providers/`), whether a question is any good (`judging/`).
"""
