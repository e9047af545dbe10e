"""How commands are found, and how their help looks.

Here: a group that imports a command's module only when the command is used, and plain help that reads well at 80
columns: options in named sections, examples as they were written. Not here: the commands (`main.py` lists them), what
happens when one fails (`errors.py`).
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

HELP_WIDTH = 100
_WHOLE = 1_000  # characters: no help is cut


@dataclass(frozen=True, slots=True)
class Entry:
    """A command of the root group: its name, its module in `commands/`, a line of help and the section it is under."""

    name: str
    module: str
    help: str
    section: str


class Command(TyperCommand):
    """A command with plain, sectioned help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments first, then options by section, in the order of their declaration."""
        _write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The epilogue as it was written."""
        _write_verbatim(self.epilog, formatter)


class Group(TyperGroup):
    """A group of commands; without a command it prints its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As usual, but no arguments at all mean help."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant; an unknown one is refused with a suggestion."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
            ctx.fail(f"unknown command {args[0]!r} ({hint})")
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Options, then commands."""
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each with the whole of its first sentence."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.get_short_help_str(_WHOLE)) for name, c in found if c and not c.hidden])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The epilogue as it was written."""
        _write_verbatim(self.epilog, formatter)


class RootGroup(Group):
    """A group whose commands are imported when they are used. Every failure of any command is handled here."""

    entries: ClassVar[tuple[Entry, ...]] = ()

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of the list."""
        return [entry.name for entry in self.entries]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now."""
        entry = next((e for e in self.entries if e.name == cmd_name), None)
        if entry is None:
            return None
        command = typer.main.get_command(import_module(f"qgen_dagster.cli.commands.{entry.module}").app)
        command.name = entry.name
        return command

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Commands first: that is what one looks for here."""
        self.format_commands(ctx, formatter)
        _write_parameters(self, ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Names and help from the list alone; no command is imported."""
        width = max(len(entry.name) for entry in self.entries)
        for section in dict.fromkeys(entry.section for entry in self.entries):
            with formatter.section(section):
                rows = [(e.name.ljust(width), e.help) for e in self.entries if e.section == section]
                formatter.write_dl(rows)

    def main(self, args: Any = None, *ignored: Any, **options: Any) -> NoReturn:
        """Runs the command line; always ends with SystemExit, whose code is one of the contract."""
        import sys

        from qgen_dagster.cli.errors import exit_code_for

        given = list(sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        sys.exit(exit_code_for(lambda: super(RootGroup, self).main(args=given, **options), given))

    def make_context(self, *args: Any, **options: Any) -> Any:
        """As usual, with our endings: the help is printed here."""
        with _our_endings():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """As usual, with our endings."""
        with _our_endings():
            return super().invoke(ctx)


@contextmanager
def _our_endings() -> Iterator[None]:
    """Ctrl-C and a closed pipe reach our handler; typer would choose exit codes that are not in the contract."""
    from qgen_dagster.cli.errors import Interrupted, ReaderGone

    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted from error
    except BrokenPipeError as error:
        raise ReaderGone from error


def make_app(**settings: Any) -> typer.Typer:
    """A typer app with our help; a module with several commands hands over `help` too."""
    settings.setdefault("cls", Group)
    return typer.Typer(
        rich_markup_mode=None,
        add_completion=issubclass(settings["cls"], RootGroup),
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
        **settings,
    )


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    arguments: list[tuple[str, str]] = []
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        if getattr(parameter, "hidden", False):
            continue
        if parameter.param_type_name == "argument":
            arguments.append((parameter.display_name_raw.upper(), parameter.help or ""))
        else:
            section = getattr(parameter, "rich_help_panel", None) or "Options"
            sections.setdefault(section, []).append(_option_row(parameter))
    if arguments:
        with formatter.section("Arguments"):
            formatter.write_dl(arguments)
    for section in sorted(sections, key=lambda name: name == "Options"):
        with formatter.section(section):
            formatter.write_dl(sections[section], col_max=34)


def _option_row(option: Any) -> tuple[str, str]:
    names = ", ".join(sorted(option.opts, key=len))
    if option.secondary_opts:
        names += " / " + ", ".join(option.secondary_opts)
    if not option.is_flag:
        names += f" {option.metavar or option.name.upper()}"
    low, high = getattr(option, "min", None), getattr(option, "max", None)
    notes = []
    if low is not None and high is not None:
        notes.append(f"{low:,} to {high:,}")
    if option.default not in (None, False, True, ()) and option.show_default:
        shown = f"{option.default:,}" if isinstance(option.default, int) else str(option.default)
        notes.append(f"default {shown}")
    if option.required:
        notes.append("required")
    text = option.help or ""
    return names, f"{text} [{'; '.join(notes)}]" if notes else text


def _write_verbatim(text: str | None, formatter: Any) -> None:
    if text:
        formatter.write(f"\n{inspect.cleandoc(text)}\n")
