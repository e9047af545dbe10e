"""Runs inside GNU Backgammon's own Python: reads requests from standard input, writes answers to standard output.

One JSON object a line each way; an answer starts with MARK, since the program prints lines of its own too. qgen never
imports it (`gnubg` is a module that only the program has), and it imports nothing of qgen.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Dict, List  # noqa: UP035 - the program may bring an older Python

gnubg: Any = globals()["gnubg"]
Request = Dict[str, Any]  # noqa: UP006

MARK = "@qgen "
POSITION_ID = re.compile(r"[A-Za-z0-9+/]{14}")
FILE_NAME = re.compile(r"match\.[a-z0-9]{2,4}")
SETTINGS = (
    "set threads 1",
    "set display off",
    "set confirm new off",
    "set confirm save off",
    "set automatic game off",
    "set automatic roll off",
    "set automatic move off",
    "set automatic bearoff off",
    "set automatic doubles 0",
    "set player 0 human",
    "set player 1 human",
    "set rng mersenne",
    "set seed 1",
    "set variation standard",
    "set jacoby off",
    "set evaluation chequerplay evaluation cubeful on",
    "set evaluation chequerplay evaluation noise 0",
    "set evaluation chequerplay evaluation prune on",
    "set evaluation chequerplay evaluation deterministic on",
)
MOST_PLAYS = 4000
_depth: Dict[str, int] = {}  # noqa: UP006


def analyse(request: Request) -> List[Any]:  # noqa: UP006
    """All plays of a roll, best first, as [play, equity, chances, plies reached]."""
    _set_depth(int(request["plies"]), int(request["breadth"]))
    _set_position(request)
    first, second = request["dice"]
    gnubg.command(f"set dice {int(first)} {int(second)}")
    hint = gnubg.hint(MOST_PLAYS) or {}
    return [
        [each["move"], each["equity"], list(each["details"]["probs"]), each["context"]["plies"]]
        for each in hint.get("hint", [])
    ]


def evaluate(request: Request) -> Request:
    """The chances and the equity with the cube, before the roll."""
    board = gnubg.positionfromid(_position_id(request))
    plies = int(request["plies"])
    cube = gnubg.cubeinfo(1, -1, 1, 0, (0, 0), 0)
    cube["jacoby"] = 0
    chances = gnubg.evaluate(board, cube, gnubg.evalcontext(0, plies, 1, 1, 0.0))
    decision = gnubg.cfevaluate(board, cube, gnubg.evalcontext(1, plies, 1, 1, 0.0))
    return {"chances": list(chances[:5]), "equity": decision[0]}


def match(request: Request) -> List[Any]:  # noqa: UP006
    """The rolls played in a match file, as [position id, die, die, number of the turn]."""
    name = request["file"]
    if not FILE_NAME.fullmatch(name):
        raise ValueError(f"not a file name: {name!r}")
    gnubg.command("new session")
    gnubg.command("import auto " + name)
    found = []
    for game in gnubg.match(0, 1, 0, 0)["games"]:
        turns = 0
        for record in game["game"]:
            if record["action"] == "move" and "dice" in record:
                turns += 1
                found.append([record["board"], *record["dice"], turns])
    gnubg.command("new session")
    return found


def _position_id(request: Request) -> str:
    position_id: str = request["position"]
    if not POSITION_ID.fullmatch(position_id):
        raise ValueError(f"not a position id: {position_id!r}")
    return position_id


def _set_position(request: Request) -> None:
    position_id = _position_id(request)
    gnubg.command("set turn 1")
    gnubg.command("set board " + position_id)
    if gnubg.positionid(gnubg.board()) != position_id:  # the program keeps the old board without a word
        raise ValueError(f"the program did not accept the position {position_id}")


def _set_depth(plies: int, breadth: int) -> None:
    """Look-ahead of the evaluation, for the `breadth` plays that look best at first and up to 8 more that are close."""
    wanted = {"plies": plies, "breadth": breadth}
    if _depth == wanted:
        return
    gnubg.command(f"set evaluation chequerplay evaluation plies {plies}")
    if plies:
        gnubg.command(f"set evaluation movefilter {plies} 0 {breadth} 8 0.16")
        for level in range(1, plies):
            gnubg.command(f"set evaluation movefilter {plies} {level} -1 0 0")
    _depth.update(wanted)


def _answer(what: Request) -> None:
    sys.stdout.write(MARK + json.dumps(what) + "\n")
    sys.stdout.flush()


def _serve() -> None:
    operations = {"analyse": analyse, "evaluate": evaluate, "match": match}
    for setting in SETTINGS:
        gnubg.command(setting)
    gnubg.command("new session")
    _answer({"ready": True})
    for line in sys.stdin:
        try:
            request = json.loads(line)
            _answer({"result": operations[request["do"]](request)})
        except Exception as error:  # whatever it is, the one who asked must hear of it
            _answer({"error": f"{type(error).__name__}: {error}"})


_serve()
