"""How a failing command ends: what is said, which exit code, and what is never shown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from qgen_dagster.cli.errors import exit_code_for, mask
from qgen_dagster.core.errors import (
    AuthenticationError,
    BillingError,
    ConfigurationError,
    DatabaseError,
    QgenError,
    RunInterrupted,
)

Captured = pytest.CaptureFixture[str]


def failing(error: BaseException) -> Callable[[], NoReturn]:
    def run() -> NoReturn:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RunInterrupted("stopped"), 1),
        (KeyboardInterrupt(), 1),
        (QgenError("nothing worked"), 2),
        (RuntimeError("a bug"), 2),
        (ConfigurationError("wrong"), 3),
        (DatabaseError("gone"), 4),
        (BillingError("no credit"), 5),
        (AuthenticationError("wrong key"), 6),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(capsys: Captured, error: BaseException, code: int) -> None:
    assert exit_code_for(failing(error), []) == code
    assert "Traceback" not in capsys.readouterr().err


def test_an_expected_error_says_what_and_what_to_do(capsys: Captured) -> None:
    exit_code_for(failing(DatabaseError("it is gone", hint="Start it.")), [])
    assert capsys.readouterr().err == "Error: it is gone\nStart it.\n"


def test_verbose_shows_where_an_error_came_from(capsys: Captured) -> None:
    exit_code_for(failing(RuntimeError("a bug")), ["inventory", "--verbose"])
    text = capsys.readouterr().err
    assert "unexpected: RuntimeError: a bug" in text
    assert "Traceback" in text


def test_an_unexpected_error_is_one_line_and_a_hint(capsys: Captured) -> None:
    exit_code_for(failing(RuntimeError("a\nbug " + "x" * 5_000)), [])
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("Error: unexpected: RuntimeError: a bug")
    assert len(first) < 400
    assert "--verbose" in second


def test_ctrl_c_says_that_nothing_is_lost(capsys: Captured) -> None:
    assert exit_code_for(failing(KeyboardInterrupt()), []) == 1
    text = capsys.readouterr().err
    assert "What was made is kept" in text
    assert "qgen resume" in text


def test_with_json_an_error_is_one_object_on_standard_output(capsys: Captured) -> None:
    assert exit_code_for(failing(DatabaseError("gone", hint="Start it.")), ["plan", "--json"]) == 4
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "error": {"kind": "DatabaseError", "message": "gone", "hint": "Start it.", "exit_code": 4}
    }
    assert captured.err == ""


def test_with_json_an_error_of_the_system_is_one_object_too(capsys: Captured) -> None:
    assert exit_code_for(failing(PermissionError(13, "Permission denied", "/x/y")), ["plan", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "permission denied: /x/y"


def test_text_that_is_not_utf_8_is_told_and_no_bug(capsys: Captured) -> None:
    assert exit_code_for(lambda: "\udcff".encode(), []) == 3
    assert "not valid UTF-8 text" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_failure(capsys: Captured) -> None:
    assert exit_code_for(failing(BrokenPipeError()), []) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://bob:{}@host:5432/qgen",
        "postgresql+psycopg2://bob:{}@host/qgen?sslmode=require",
        "connection failed: host=db user=bob password={} dbname=qgen",
        "password='{}'",
        "the key {} was refused",
    ],
)
@pytest.mark.parametrize("secret", ["hunter2-hunter2", "p4ss@w0rd-w0rd"])
def test_no_password_and_no_key_is_ever_shown(monkeypatch: pytest.MonkeyPatch, text: str, secret: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    shown = mask(text.format(secret))
    assert secret not in shown
    assert "***" in shown


def test_half_a_password_that_a_driver_took_for_a_host_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QGEN_DATABASE_URL", "postgresql://bob:half@otherhalf@host/qgen")
    assert "otherhalf" not in mask("cannot resolve host 'otherhalf@host'")


def test_text_without_secrets_stays_as_it_is() -> None:
    text = "http://127.0.0.1:3000 and postgresql://bob@host/qgen, password: see the manual? no: 12:30"
    assert mask("http://127.0.0.1:3000 postgresql://bob@host/qgen 12:30") in text.replace(" and ", " ").replace(
        ", password: see the manual? no:", ""
    )


def test_ctrl_c_while_qgen_is_still_being_imported_ends_without_a_traceback() -> None:
    code = """
import sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "qgen_dagster.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
from qgen_dagster.cli.start import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Interrupted: stopped\n")
