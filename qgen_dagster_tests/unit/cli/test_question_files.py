"""Questions out to files and back in."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import Option, Question, Stimulus
from qgen_dagster.services.question_files import BadRow, Row, read_rows, write_records
from qgen_dagster.services.questions import check_row

QUESTION = Question(
    question_type="math",
    difficulty="easy",
    sub_type="ratio",
    stem='Is "3, 4"\nlike 3 : 4?',
    options=(
        Option(text="yes", figure="<svg></svg>"),
        Option(text="=1+1", mistake="wrong_sign", note="A note, with a comma"),
        Option(text="-3"),
        Option(text="żółć ½"),
    ),
    answer=0,
    explanation="Because yes.",
    stimulus=Stimulus(text="Look\n  here", figure="<svg></svg>", seconds_shown=5),
    item_model="ratio",
    item_version=2,
    seed="a/1",
    structure={"parts": [1, 2.5, None, {"x": "é"}]},
    expected_success=0.75,
)
TAXONOMY = Settings(home=Path("/nowhere")).taxonomy


def record(**changes: Any) -> dict[str, Any]:
    meta = {"id": "1", "is_active": False, "source": "generated", "created_at": "2026-01-01"}
    return {**QUESTION.model_dump(mode="json"), **meta, **changes}


def rows_of(text: str, format_: str) -> list[Row | BadRow]:
    return list(read_rows(io.StringIO(text, newline=""), format_))


def reason(line: str, format_: str = "jsonl") -> str:
    [row] = rows_of(line, format_)
    checked = check_row(row, TAXONOMY) if isinstance(row, Row) else row
    assert isinstance(checked, BadRow), checked
    return checked.reason


@pytest.mark.parametrize("format_", ["jsonl", "csv"])
def test_what_was_exported_comes_back_unchanged(format_: str) -> None:
    stream = io.StringIO(newline="")
    assert write_records([record()], stream, format_) == 1
    [row] = rows_of(stream.getvalue(), format_)
    assert isinstance(row, Row)
    assert row.is_active is False
    assert check_row(row, TAXONOMY) == QUESTION


@pytest.mark.parametrize("format_", ["jsonl", "csv"])
def test_texts_with_the_line_ends_of_windows_are_taken(format_: str) -> None:
    stream = io.StringIO(newline="")
    write_records([record(stem="Two lines:\r\nwhich is longer?\rSay.")], stream, format_)
    [row] = rows_of(stream.getvalue(), format_)
    assert isinstance(row, Row)
    checked = check_row(row, TAXONOMY)
    assert isinstance(checked, Question), checked
    assert checked.stem == "Two lines:\nwhich is longer?\nSay."


def nested(levels: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def test_a_structure_of_some_depth_is_kept() -> None:
    [row] = rows_of(json.dumps(record(structure=nested(30))), "jsonl")
    assert isinstance(row, Row)
    assert isinstance(check_row(row, TAXONOMY), Question)


def test_a_csv_typed_by_hand_needs_few_columns_and_accepts_legacy_names() -> None:
    text = (
        "Question_type,difficulty,sub_type,stem,option_a,option_b,option_c,option_d,answer,explanation\r\n"
        "mathematical,easy,ratio,2 + 2?,3,4,5,6,b,Four.\r\n"
    )
    [row] = rows_of(text, "csv")
    assert isinstance(row, Row)
    question = check_row(row, TAXONOMY)
    assert isinstance(question, Question)
    assert (question.question_type, question.key_option.text) == ("math", "4")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("not json", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ("\udcff", "not valid UTF-8"),
        (json.dumps(record(stem="")), "stem: "),
        (json.dumps(record(answer=5)), "answer index 5 is outside the 4 options"),
        (json.dumps(record(answer="x")), "answer: "),
        (json.dumps(record(surprise=1)), "surprise: unknown field"),
        (json.dumps(record(is_active="maybe")), "is_active: 'maybe' is not true or false"),
        (json.dumps(record(question_type="mathss")), "Did you mean math"),
        (json.dumps(record(difficulty="impossible")), "unknown difficulty: 'impossible'"),
        (json.dumps(record(stem="a\x00b")), "stem: holds a control character"),
        (json.dumps(record(structure={"a": "b\x00"})), "a text holds a control character"),
        (json.dumps(record(stem="a\x9b31mb")), "a text holds a control character"),
        (json.dumps(record(seed="\x1b[31m")), "a text holds a control character"),
        (json.dumps(record(structure=nested(100))), "structure: nested too deeply"),
        (json.dumps(record(structure=nested(400))), "structure: nested too deeply"),
        (json.dumps(record(answer=True)), "answer: Input should be a valid integer"),
        (json.dumps(record(sub_type="No Name")), "sub_type: is not a name"),
        (json.dumps(record(seed="\ud800")), "UTF-8"),
        (json.dumps(record(structure={"n": 1})).replace('"n": 1', '"n": 1e999'), "infinite"),
        (json.dumps(record(options=[{"text": "same"}] * 4)), "two options read the same"),
    ],
)
def test_a_bad_row_is_named_with_its_reason(line: str, expected: str) -> None:
    assert expected in reason(line)


def test_rows_are_named_by_the_line_they_begin_at() -> None:
    good = json.dumps(record())
    numbers = [(type(row).__name__, row.line) for row in rows_of(f"{good}\n\nbad\n{good}\n", "jsonl")]
    assert numbers == [("Row", 1), ("BadRow", 3), ("Row", 4)]
    stream = io.StringIO(newline="")
    write_records([record(), record()], stream, "csv")
    lines = [row.line for row in rows_of(stream.getvalue() + "too,few\n", "csv")]
    assert lines == [2, 5, 8]  # a record with line breaks in it takes three lines


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "empty"),
        ("question_type,stem\n", "missing columns: difficulty, sub_type"),
        ("question_typ,difficulty\n", "unknown column 'question_typ'"),
        ("stem,stem\n", "column named twice: stem"),
    ],
)
def test_a_csv_without_the_right_header_is_refused_as_a_whole(header: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        rows_of(header, "csv")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"answer": "7"}, "answer: '7' is not a letter from A to F"),
        ({"option_b": ""}, "option_c: there is an empty option before it"),
        ({"expected_success": "often"}, "expected_success: "),
        ({"structure": "{"}, "Expecting"),
        ({"is_active": "perhaps"}, "is_active: 'perhaps' is not true or false"),
    ],
)
def test_a_bad_cell_is_named(changes: dict[str, str], expected: str) -> None:
    import csv

    cells = {
        "question_type": "math",
        "difficulty": "easy",
        "sub_type": "ratio",
        "stem": "2 + 2?",
        **{f"option_{letter}": str(number) for number, letter in enumerate("abcd")},
        "answer": "A",
        "explanation": "So.",
        "expected_success": "",
        "structure": "",
        "is_active": "",
    } | changes
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, cells)
    writer.writeheader()
    writer.writerow(cells)
    assert expected in reason(stream.getvalue(), "csv")
