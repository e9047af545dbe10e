"""A series as a document: rebuilt from its rows, the same each time, and verification of what was rebuilt."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import Asks, Drill, SeriesVerdict
from qgen_dagster.drills.gnubg import find_program
from qgen_dagster.services.drill_artifact import as_document, as_json, as_markdown, export, rebuild
from qgen_dagster.services.verify_drills import last_verification, verify_with_catalogue, verify_with_engine
from qgen_dagster_tests.support.drills import build, drills_of, planned

GNUBG = shutil.which("gnubg") or (Path("/usr/games/gnubg").exists() and "/usr/games/gnubg")


def test_the_document_is_the_same_bytes_each_time(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=25).id)

    first, second = rebuild(bank, series.id), rebuild(bank, series.id)

    assert as_json(first) == as_json(second)
    assert as_markdown(first) == as_markdown(second)


def test_building_one_series_twice_from_one_seed_says_the_same(bank: Bank, settings: Settings) -> None:
    drills = [
        [stored.drill for stored in drills_of(bank, build(bank, settings, planned(bank, settings, count=15).id))]
        for _ in range(2)
    ]
    assert drills[0] == drills[1]


def test_the_document_holds_every_drill_with_its_position_and_its_check(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=10).id)

    document = json.loads(as_json(rebuild(bank, series.id)))

    assert document["series"]["drill_count"] == len(document["drills"]) == 10
    assert document["series"]["missing"] == []
    for made in document["drills"]:
        assert made["check"]["verdict"] == "verified"
        assert made["position"]["gnubg_position_id"] == made["position_id"][:14]
        assert Drill.model_validate({name: made[name] for name in Drill.model_fields}).answer is not None


def test_missing_drills_are_named_by_their_places(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=10).id)
    with bank.begin() as tx:
        tx.execute(text("DELETE FROM drills WHERE index IN (3, 7)"))

    found = verify_with_catalogue(bank, series.id)

    assert as_document(rebuild(bank, series.id))["series"]["missing"] == [3, 7]
    assert found.verdict is SeriesVerdict.NEEDS_REVIEW
    assert found.review == ("2 of 10 drills are missing",)


def test_a_player_reads_all_drills_before_any_answer(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=10).id)

    shown, answers = as_markdown(rebuild(bank, series.id)).split("# Answers\n")

    assert len(re.findall(r"^## \d+\. ", shown, re.MULTILINE)) == 10
    assert len(re.findall(r"^## \d+\. [A-F]: ", answers, re.MULTILINE)) == 10
    assert "Right" not in shown
    assert "equity" not in re.sub(r"\*\*.*?\*\*|^- .*$", "", shown, flags=re.MULTILINE)


def test_an_export_has_a_picture_for_each_drill(bank: Bank, settings: Settings, tmp_path: Path) -> None:
    series = build(bank, settings, planned(bank, settings, count=20).id)
    artifact = rebuild(bank, series.id)

    files = export(artifact, tmp_path / "out")

    assert len(files) == 22
    linked = re.findall(r"\]\((boards/\d\d\.svg)\)", (tmp_path / "out" / "series.md").read_text())
    assert len(linked) == 20
    for stored, link in zip(artifact.drills, linked, strict=True):
        picture = ElementTree.fromstring((tmp_path / "out" / link).read_text())  # noqa: S314 - our own
        told = "".join(picture.itertext())
        assert ("pips" in told) is (stored.drill.asks is not Asks.RACE)


def test_a_wrong_answer_in_the_rows_is_found_and_listed(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=10).id)
    spoilt = next(stored for stored in drills_of(bank, series) if stored.drill.asks is Asks.BEST_PLAY)
    right = [option.correct for option in spoilt.drill.options]
    turned = [*right[1:], right[0]]
    options = tuple(
        option.model_copy(update={"correct": correct})
        for option, correct in zip(spoilt.drill.options, turned, strict=True)
    )
    content = spoilt.drill.model_copy(update={"options": options}).model_dump_json()
    with bank.begin() as tx:
        tx.execute(text("UPDATE drills SET content = :content WHERE id = :id"), {"content": content, "id": spoilt.id})

    found = verify_with_catalogue(bank, series.id)

    assert (found.verdict, found.verified, found.failed) == (SeriesVerdict.NEEDS_REVIEW, 9, 1)
    assert found.review[0].startswith(f"drill {spoilt.index + 1}: failed:")
    assert last_verification(bank, series.id).review == found.review


@pytest.mark.skipif(not GNUBG, reason="GNU Backgammon is not installed")
def test_the_real_engine_confirms_a_series(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=5).id)
    told: list[int] = []

    found = verify_with_engine(bank, series.id, find_program(), plies=0, told=lambda done, _: told.append(done))

    assert told == [1, 2, 3, 4, 5]
    assert found.checked_with.endswith("0-ply")
    assert found.verified + found.failed == 5
    assert found.unverifiable == 0


def test_an_engine_that_breaks_leaves_drills_unverified_and_loses_nothing(
    bank: Bank, settings: Settings, tmp_path: Path
) -> None:
    broken = tmp_path / "gnubg"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo "GNU Backgammon 1.07.001"; exit 0; }\nexit 3\n')
    broken.chmod(0o755)
    series = build(bank, settings, planned(bank, settings, count=5).id)

    found = verify_with_engine(bank, series.id, find_program(str(broken)))

    assert (found.verdict, found.unverifiable) == (SeriesVerdict.UNVERIFIED, 5)
    assert len(drills_of(bank, series)) == 5
