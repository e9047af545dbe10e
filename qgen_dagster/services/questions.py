"""The bank's questions from outside: finding one by its short id, deactivating, exporting, importing.

Not here: the file formats (`question_files.py`), SQL (`bank/questions.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import ValidationError

from qgen_dagster.bank import questions as rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.questions import StoredQuestion
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import Question, validate_question
from qgen_dagster.core.taxonomy import NAME_PATTERN, Stratum, Taxonomy
from qgen_dagster.services.question_files import BadRow, Row, exported

_FAULTS = {"missing": "missing", "extra_forbidden": "unknown field"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MIN_PREFIX = 4
MOST_LEVELS = 50  # of parts within parts; what writes JSON gives up somewhere beyond
MAX_NAMED = 1_000  # bad rows that are named; beyond that they are counted


@dataclass
class ImportReport:
    """What became of the rows of a file. `bad` names the first `MAX_NAMED` of `bad_count`."""

    imported: int = 0
    duplicates: int = 0
    bad_count: int = 0
    bad: list[BadRow] = field(default_factory=list)
    dry_run: bool = False

    @property
    def rows(self) -> int:
        return self.imported + self.duplicates + self.bad_count

    def refuse(self, row: BadRow) -> None:
        """Takes note of a bad row."""
        self.bad_count += 1
        if len(self.bad) < MAX_NAMED:
            self.bad.append(row)


class _Undo(Exception):
    """Ends a dry run's transaction without leaving anything."""


def resolve_question_id(bank: Bank, prefix: str) -> UUID:
    """The question whose id begins with `prefix`. Raises ConfigurationError when none or several do."""
    wanted = prefix.strip().lower()
    if len(wanted) < MIN_PREFIX:
        raise ConfigurationError(
            f"{prefix!r} is too short for a question id", hint=f"Give at least {MIN_PREFIX} characters."
        )
    found: list[UUID] = []
    if set(wanted) <= set("0123456789abcdef-"):
        with bank.begin() as tx:
            found = rows.find_question_ids(tx, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"several questions begin with {prefix!r}", hint="Give more of the id: qgen questions list"
        )
    raise ConfigurationError(f"no question begins with {prefix!r}", hint="See them with: qgen questions list --all")


def load_question(bank: Bank, prefix: str) -> StoredQuestion:
    """The question of a short id. Raises ConfigurationError when there is none."""
    question_id = resolve_question_id(bank, prefix)
    with bank.begin() as tx:
        found = rows.get_question(tx, question_id)
    if found is None:
        raise ConfigurationError(f"question {question_id} was removed in the meantime")
    return found


def deactivate(bank: Bank, prefixes: Sequence[str], *, actor: str, reason: str) -> list[tuple[UUID, bool]]:
    """Takes questions out of the inventory, all or none; each with False where it was inactive already."""
    ids = [resolve_question_id(bank, prefix) for prefix in prefixes]
    with bank.begin() as tx:
        return [(i, rows.deactivate_question(tx, i, actor=actor, reason=reason)) for i in dict.fromkeys(ids)]


def export_questions(
    bank: Bank, *, strata: Sequence[Stratum] = (), active: bool | None = True
) -> Generator[dict[str, object], None, None]:
    """Every matching question as a flat record, oldest first, in constant memory."""
    with bank.begin() as tx:
        for stored in rows.stream_questions(tx, strata=strata, active=active):
            yield exported(stored)


def import_questions(
    bank: Bank, taxonomy: Taxonomy, source: Iterable[Row | BadRow], *, dry_run: bool = False
) -> ImportReport:
    """Puts the good rows into the bank in one transaction, so that nothing stays half-written; names the bad ones.

    A row that equals a question of the bank, or an earlier row, counts as a duplicate. `dry_run` does all of it and
    takes it back.
    """
    report = ImportReport(dry_run=dry_run)
    with suppress(_Undo), bank.begin() as tx:
        for row in source:
            checked = row if isinstance(row, BadRow) else check_row(row, taxonomy)
            if isinstance(checked, BadRow):
                report.refuse(checked)
            elif rows.import_question(tx, checked, is_active=_is_active(row)) is None:
                report.duplicates += 1
            else:
                report.imported += 1
        if dry_run:
            raise _Undo
    return report


def check_row(row: Row, taxonomy: Taxonomy) -> Question | BadRow:
    """The row's question, with aliases mapped to the taxonomy's names, or what is wrong with the row."""
    try:
        question = Question.model_validate(row.fields)
        stratum = Stratum(
            taxonomy.question_type(question.question_type).key, taxonomy.difficulty(question.difficulty).key
        )
    except ValidationError as error:
        return BadRow(row.line, _first_fault(error))
    except ConfigurationError as error:
        return BadRow(row.line, f"{error.message}. {error.hint}")
    problems = [*_unstorable(question), *validate_question(question)]
    if problems:
        return BadRow(row.line, "; ".join(problems))
    return question.model_copy(update={"question_type": stratum.question_type, "difficulty": stratum.difficulty})


def _is_active(row: Row | BadRow) -> bool:
    return row.is_active if isinstance(row, Row) else True


def _first_fault(error: ValidationError) -> str:
    faults = error.errors()
    first = faults[0]
    where = ".".join(str(part) for part in first["loc"]) or "row"
    what = _FAULTS.get(first["type"], first["msg"].removeprefix("Value error, "))
    if first["type"] == "string_pattern_mismatch":
        is_name = first["ctx"]["pattern"] == NAME_PATTERN
        what = "is not a name (small letters, digits, underscores)" if is_name else "holds a control character"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{where}: {what}{more}"


def _unstorable(question: Question) -> list[str]:
    """No terminal should obey a question; PostgreSQL keeps no NUL, UTF-8 no half a surrogate pair, JSON no infinity."""
    try:
        values = list(_leaves(question.model_dump()))
    except (ValueError, RecursionError):
        return ["structure: nested too deeply"]
    problems = []
    if any(_CONTROL.search(value) for value in values if isinstance(value, str)):
        problems.append("a text holds a control character")
    if any(not _is_utf8(value) for value in values if isinstance(value, str)):
        problems.append("a text is not valid UTF-8")
    if any(not math.isfinite(value) for value in values if isinstance(value, float)):
        problems.append("a number is infinite or not a number")
    return problems


def _leaves(value: object, levels: int = MOST_LEVELS) -> Iterator[object]:
    """Names and values of a nested one. Raises RecursionError below `levels`."""
    if not levels:
        raise RecursionError
    if isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _leaves(part, levels - 1)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part, levels - 1)
    else:
        yield value


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
