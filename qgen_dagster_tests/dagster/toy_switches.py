"""How tests steer the toy location and read what it noted, also in processes of its own."""

from __future__ import annotations

from pathlib import Path

KEYS = ["math__easy", "math__hard", "logic__easy", "logic__hard", "verbal__easy"]


class Switches:
    """Steers the toy location, also in other processes, and reads what it noted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def on(self, name: str) -> None:
        (self.directory / name).touch()

    def off(self, name: str) -> None:
        (self.directory / name).unlink()

    def notes(self) -> list[str]:
        path = self.directory / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def forget(self) -> None:
        (self.directory / "notes").unlink(missing_ok=True)

    def steps(self) -> list[str]:
        """The names of the steps that ran, in order."""
        return [note.split()[0] for note in self.notes() if note not in ("open", "close", "asleep")]
