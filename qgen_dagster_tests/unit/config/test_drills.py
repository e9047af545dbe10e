"""The curriculum: the file that ships, and files that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from qgen_dagster.config.drills import PACKAGED_CURRICULUM, load_curriculum, packaged_curriculum
from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.drills import Phase
from qgen_dagster.core.errors import ConfigurationError


def test_the_curriculum_that_ships_has_principles_for_every_phase() -> None:
    curriculum = packaged_curriculum()
    assert all(len(curriculum.taught_in(phase)) >= 4 for phase in Phase)
    assert load_settings({}).curriculum == curriculum


@pytest.mark.parametrize(
    ("drills", "methodology", "tier"), [(5, 1, 2), (6, 1, 3), (10, 3, 4), (20, 6, 8), (21, 6, 9), (50, 15, 20)]
)
def test_limits_follow_the_number_of_drills(drills: int, methodology: int, tier: int) -> None:
    curriculum = packaged_curriculum()
    assert curriculum.most_of_a_methodology(drills) == methodology
    assert curriculum.most_of_a_tier(drills) == tier


def test_an_own_file_is_named_by_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "drills.yaml"
    path.write_text(PACKAGED_CURRICULUM.read_text(encoding="utf-8").replace("0.30", "0.25"), encoding="utf-8")
    assert load_settings({"QGEN_DRILLS": str(path)}).curriculum.max_methodology_share == 0.25


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_tier_share: 0.40", "max_tier_share: 2", "max_tier_share"),
        ("min_methodologies: 4", "min_methodologies: 12", "9 named, 12 are the least"),
        ("max_methodology_share: 0.30", "max_methodology_share: 0.05", "too small"),
        ("tier: RECOGNITION", "tier: GUESSING", "methodologies.spot_the_blunder.tier"),
        ("    asks: RACE\n", "", "methodologies.read_the_race.asks: missing"),
        ("tempo:", "Tempo!:", "principles"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "drills.yaml"
    path.write_text(PACKAGED_CURRICULUM.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_curriculum(path)
    assert "drills.yaml:" in caught.value.message
    assert said in caught.value.message
