"""What an operator reads when a command fails, and the exit code that goes with it.

Here: the one place that catches everything, wrong flags included. Not here: the errors themselves (`core/errors.py`).
The exit code is always one of 0 to 6, and no message shows a password or an API key.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer

from qgen_dagster.core.errors import ConfigurationError, ExitCode, QgenError, RunInterrupted

_URL_PASSWORD = re.compile(r"(\w://[^\s:/@]*):[^\s/]*@")
_NAMED_PASSWORD = re.compile(r"(?i)\b(password|passwd|pgpassword)(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s&,;]+)")
_SECRET_NAME = re.compile(r"(?i)(key|token|secret|password|_ALERT_URLS\w*)$")
_PASSWORD_IN_URL = re.compile(r"^\w[\w+]*://[^\s:/@]*:([^\s/]*)@")
_SHORTEST_SECRET = 6
_SHORTEST_PART = 4
_LONGEST_UNEXPECTED = 300


class Interrupted(RunInterrupted):
    """Ctrl-C."""

    def __init__(self) -> None:
        super().__init__("stopped", hint="What was made is kept. To go on with a run: qgen resume")


class ReaderGone(Exception):
    """Whoever read our output (head, less) has seen enough."""


def exit_code_for(run: Callable[[], object], args: Sequence[str]) -> int:
    """Runs the command line; says what failed, if anything, and returns the exit code."""
    try:
        result = run()
        sys.stdout.flush()
    except (BrokenPipeError, ReaderGone):
        _close_stdout()
        return ExitCode.SUCCESS
    except SystemExit as error:  # shell completion ends like this
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        return _tell(Interrupted(), args)
    except BaseException as error:
        return _tell(error, args)
    return result if isinstance(result, int) and not isinstance(result, bool) else ExitCode.SUCCESS


def mask(text: str) -> str:
    """The text without passwords in URLs or connection strings, and without the value of any secret variable."""
    text = _URL_PASSWORD.sub(r"\1:***@", text)
    text = _NAMED_PASSWORD.sub(r"\1\2***", text)
    for secret in _secrets():
        text = text.replace(secret, "***")
    return text


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            yield value
        # A password with an @ that nobody escaped: a driver takes its end for a host name, and complains about it.
        password = _PASSWORD_IN_URL.search(value)
        if password and "@" in password[1]:
            yield from (part for part in password[1].split("@") if len(part) >= _SHORTEST_PART)


def usage_error(error: typer.TyperException) -> ConfigurationError:
    """A wrong command line as a configuration error: one sentence that names the flag and what it takes."""
    context = getattr(error, "ctx", None)
    hint = f"See: {context.command_path if context else 'qgen'} --help"
    return ConfigurationError(_usage_sentence(error, context), hint=hint)


def _tell(error: BaseException, args: Sequence[str]) -> int:
    expected = _as_expected(error)
    try:
        if "--json" in args:
            print(json.dumps(_as_json(expected)))
        else:
            print(_as_text(expected), file=sys.stderr)
        if "--verbose" in args or "-v" in args:
            import traceback

            print(mask("".join(traceback.format_exception(error))), file=sys.stderr, end="")
        sys.stdout.flush()
    except OSError:  # standard output is full, or cannot be written for another reason
        _close_stdout()
        if "--json" in args:
            _complain(_as_text(expected))
    return expected.exit_code


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


def _as_expected(error: BaseException) -> QgenError:
    if isinstance(error, QgenError):
        return error
    if isinstance(error, typer.TyperException):
        return usage_error(error)
    if isinstance(error, UnicodeEncodeError):  # bytes of the command line or environment that became half surrogates
        return ConfigurationError(
            "a value on the command line or in a variable is not valid UTF-8 text", hint="Type it again, or quote it."
        )
    if isinstance(error, OSError) and error.errno is not None:
        where = f": {error.filename}" if error.filename else ""
        return QgenError(f"{(error.strerror or str(error)).lower()}{where}", hint="Run again with --verbose for more.")
    text = " ".join(str(error).split())[:_LONGEST_UNEXPECTED]
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return QgenError(f"unexpected: {what}", hint="This is a bug in qgen. Run again with --verbose to see where.")


def _as_text(error: QgenError) -> str:
    head = "Interrupted" if isinstance(error, RunInterrupted) else "Error"
    text = f"{head}: {error.message}"
    return mask(f"{text}\n{error.hint}" if error.hint else text)


def _as_json(error: QgenError) -> dict[str, Any]:
    return {
        "error": {
            "kind": type(error).__name__,
            "message": mask(error.message),
            "hint": mask(error.hint) if error.hint else None,
            "exit_code": int(error.exit_code),
        }
    }


def _usage_sentence(error: Any, context: Any) -> str:
    parameter = getattr(error, "param", None)
    if hasattr(error, "option_name") and hasattr(error, "possibilities"):
        return _unknown_option(error.option_name, context)
    if hasattr(error, "param_type") and parameter is not None:
        return f"{_name_of(parameter)} is missing"
    if parameter is not None:
        return f"{_name_of(parameter)}: {_what_it_takes(error, parameter)}"
    if hasattr(error, "option_name"):
        return f"{error.option_name} {'takes no value' if 'not take' in error.message else 'needs a value'}"
    return str(error.format_message()).rstrip(".").replace("Got unexpected", "unexpected")


def _unknown_option(name: str, context: Any) -> str:
    known = [n for p in context.command.get_params(context) for n in (*p.opts, *p.secondary_opts) if n[:2] == "--"]
    close = difflib.get_close_matches(name, known, n=1)
    return f"unknown option {name}" + (f" (did you mean {close[0]}?)" if close else "")


def _name_of(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.display_name_raw).upper()
    return str(max(parameter.opts, key=len))


def _what_it_takes(error: Any, parameter: Any) -> str:
    problems = error.__cause__.errors() if hasattr(error.__cause__, "errors") else []
    given = problems[0]["input"] if problems else None
    kind = problems[0]["type"] if problems else ""
    choices = parameter.type_descriptor.choices
    if choices:
        return _not_a_choice(given, [str(getattr(choice, "value", choice)) for choice in choices])
    takes = _range_of(parameter)
    if kind.startswith(("int", "float", "decimal", "greater", "less", "finite")):
        return f"{_shown(given)} is not {takes}"
    return str(error.message)


def _shown(given: object) -> str:
    """A number as it was typed, anything else in quotes."""
    return str(given) if re.fullmatch(r"-?[\d.]+", str(given)) else repr(given)


def _range_of(parameter: Any) -> str:
    number = "a whole number" if parameter.type_descriptor.annotation is int else "a number"
    if parameter.min is not None and parameter.max is not None:
        return f"{number} from {parameter.min:,} to {parameter.max:,}"
    return f"{number} of at least {parameter.min:,}" if parameter.min is not None else number


def _not_a_choice(given: object, choices: list[str]) -> str:
    close = difflib.get_close_matches(str(given), choices, n=1)
    suggestion = f"Did you mean {close[0]}? " if close else ""
    return f"{given!r} is not one of {', '.join(choices)}. {suggestion}".rstrip()


def _close_stdout() -> None:
    """Points standard output at nothing, so that Python does not complain when it flushes at the end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass  # replaced by something in memory
