"""Prompt files: where they are found, what stands in for a missing one, and what is said of a bad one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from qgen_dagster.config.loading import load_yaml
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.taxonomy import Stratum, Taxonomy
from qgen_dagster.generation.prompts import files
from qgen_dagster.generation.prompts.files import TASK_FILES, TypeFile, load_prompts, packaged_names, packaged_text
from qgen_dagster.generation.prompts.render import generation_prompt, generation_version, sub_types_for

TAXONOMY = Settings(home=Path()).taxonomy
CHEMISTRY = Taxonomy.model_validate(
    {
        "difficulties": [
            {"key": "basic", "success_rate": [0.6, 0.8], "item_level": "easy"},
            {"key": "expert", "success_rate": [0.055, 0.25]},
        ],
        "types": [
            {
                "key": "chemistry",
                "title": "Chemistry",
                "description": "Predict what reacts with what.",
                "sub_types": ["acids_and_bases", "bonds"],
            },
            {"key": "math", "sub_types": ["ratio", "matrices"]},
            {"key": "free", "title": "Free thinking"},
        ],
    }
)
OWN_TYPE = """
directive: Ask about reactions in water.
sub_types:
  bonds:
    directive: Ask which atoms share electrons.
    example:
      difficulty: basic
      stem: How many bonds does carbon make?
      options:
        - {text: one, mistake: Takes it for hydrogen.}
        - {text: two, mistake: Takes it for oxygen.}
        - {text: three, mistake: Takes it for nitrogen.}
        - {text: four}
      answer: four
      explanation: Carbon lacks four electrons, so it makes four bonds.
"""


def folder(tmp_path: Path, **written: str) -> Path:
    """A folder with files; `types__math` is types/math.yaml."""
    for name, text in written.items():
        path = tmp_path / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def refused(tmp_path: Path, taxonomy: Taxonomy = CHEMISTRY, **written: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_prompts(taxonomy, folder(tmp_path, **written))
    return str(caught.value)


def test_every_packaged_file_is_well_formed() -> None:
    for name in packaged_names():
        model: type[BaseModel] = TASK_FILES.get(name, TypeFile)
        load_yaml(Path(files.__file__).parent / f"{name}.yaml", model)
        assert packaged_text(name)


def test_every_line_of_a_packaged_prompt_that_people_read_fits_into_80_columns() -> None:
    for question_type in TAXONOMY.types:
        stratum, kinds = Stratum(question_type.key, "easy"), question_type.sub_types[:1]
        system = generation_prompt(load_prompts(TAXONOMY), stratum, 1, kinds).system
        assert [line for line in system.splitlines() if len(line) > 80] == []


def test_without_a_folder_the_packaged_files_are_taken() -> None:
    prompts = load_prompts(TAXONOMY)
    assert set(prompts.sources.values()) == {"packaged"}
    assert {prompts.for_type(t.key).source for t in TAXONOMY.types} == {"packaged"}


def test_a_type_without_a_file_is_described_from_the_taxonomy() -> None:
    texts = load_prompts(CHEMISTRY).for_type("chemistry")
    assert texts.source == "generic"
    assert "acids and bases" in texts.kinds["acids_and_bases"].directive
    assert "5.5–25 %" in texts.difficulties["expert"]
    prompt = generation_prompt(load_prompts(CHEMISTRY), Stratum("chemistry", "expert"), 2, ["bonds"])
    assert "Predict what reacts with what." in prompt.system
    assert "{{" not in prompt.system + prompt.user


def test_a_type_without_sub_types_has_one_kind_called_like_the_type() -> None:
    prompts = load_prompts(CHEMISTRY)
    assert sub_types_for(prompts, Stratum("free", "basic"), 3, 2) == ("free", "free")
    assert "Free thinking" in generation_prompt(prompts, Stratum("free", "basic"), 1, ["free"]).system


def test_a_packaged_type_serves_another_taxonomy_as_far_as_it_goes() -> None:
    texts = load_prompts(CHEMISTRY).for_type("math")
    assert list(texts.kinds) == ["ratio", "matrices"]
    assert texts.kinds["ratio"].example is not None
    assert texts.kinds["matrices"].example is None
    packaged = load_prompts(TAXONOMY).for_type("math").difficulties
    assert texts.difficulties["basic"] == packaged["easy"]  # by the level of the item models that it stands for
    assert "5.5–25 %" in texts.difficulties["expert"]


def test_a_file_of_the_operator_takes_the_place_of_the_packaged_one_and_changes_the_version(tmp_path: Path) -> None:
    text = packaged_text("generate")
    assert text is not None
    own = text.replace("label: generate/1", "label: ours/7").replace("No jokes", "No puns")
    before = load_prompts(TAXONOMY)
    after = load_prompts(TAXONOMY, folder(tmp_path, generate=own))
    assert after.sources["generate"] == str(tmp_path / "generate.yaml")
    assert after.sources["solve"] == "packaged"
    assert generation_version(after, "math").startswith("ours/7@")
    assert generation_version(after, "math").split("@")[1] != generation_version(before, "math").split("@")[1]


def test_a_folder_that_cannot_be_looked_into_is_refused_and_not_taken_for_empty(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        load_prompts(TAXONOMY, tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="cannot be read: File name too long"):
        load_prompts(TAXONOMY, tmp_path / ("x" * 300))
    closed = tmp_path / "types"
    closed.mkdir(mode=0o000)
    if not os.access(closed, os.R_OK):  # root may look into everything
        with pytest.raises(ConfigurationError, match="types: cannot be read: Permission denied"):
            load_prompts(TAXONOMY, tmp_path)


def test_hidden_files_and_notes_beside_the_prompts_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".git" / "hooks").mkdir(parents=True)
    (tmp_path / ".git" / "hooks" / "x.yaml").touch()
    (tmp_path / ".hidden.yaml").touch()
    (tmp_path / "NOTES.md").touch()
    assert load_prompts(TAXONOMY, tmp_path) == load_prompts(TAXONOMY)


def test_a_type_file_of_the_operator_is_used_and_its_other_kinds_are_generic(tmp_path: Path) -> None:
    prompts = load_prompts(CHEMISTRY, folder(tmp_path, types__chemistry=OWN_TYPE))
    texts = prompts.for_type("chemistry")
    assert texts.source.endswith("types/chemistry.yaml")
    assert texts.directive == "Ask about reactions in water."
    assert list(texts.kinds) == ["acids_and_bases", "bonds"]
    prompt = generation_prompt(prompts, Stratum("chemistry", "basic"), 2, ["bonds"])
    assert "How many bonds does carbon make?" in prompt.user


def test_notes_and_hidden_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("ours", encoding="utf-8")
    (tmp_path / ".draft.yaml").write_text("{", encoding="utf-8")
    assert load_prompts(TAXONOMY, tmp_path).sources["generate"] == "packaged"


@pytest.mark.parametrize("name", ["genrate", "types__sub__math", "math"])
def test_a_file_that_nothing_reads_is_refused(tmp_path: Path, name: str) -> None:
    assert "nothing reads this file" in refused(tmp_path, **{name: "label: x/1"})


def test_a_misspelt_file_gets_a_suggestion(tmp_path: Path) -> None:
    assert "Did you mean generate.yaml?" in refused(tmp_path, genrate="label: x/1")


def test_a_type_file_for_no_type_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    assert "Did you mean chemistry?" in refused(tmp_path, types__chemistri=OWN_TYPE)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        load_prompts(TAXONOMY, tmp_path / "nowhere")


def test_a_sub_type_that_the_taxonomy_lacks_is_refused_with_file_and_line(tmp_path: Path) -> None:
    said = refused(tmp_path, types__chemistry=OWN_TYPE.replace("bonds:", "bonnds:"))
    assert "chemistry.yaml:4: sub_types.bonnds: not in the taxonomy" in said


def test_a_level_that_the_taxonomy_lacks_is_refused_with_file_and_line(tmp_path: Path) -> None:
    said = refused(tmp_path, types__chemistry="directive: Ask.\ndifficulties:\n  basic: Simple.\n  hard: Long.\n")
    assert "chemistry.yaml:4: difficulties.hard: not in the taxonomy" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("answer: four", "answer: 4.0"), "Input should be a valid string"),
        (("answer: four", "answer: five"), "exactly one option, the one that answer repeats, must have no mistake"),
        (("- {text: four}", "- {text: four, mistake: None at all.}"), "must have no mistake"),
        (("text: two", "text: One"), "two options read the same"),
        (("        - {text: one, mistake: Takes it for hydrogen.}\n", ""), "should have at least 4 items"),
        (("directive: Ask which", "directiv: Ask which"), "sub_types.bonds.directiv: unknown key"),
        (("sub_types:", "stimulus: hidden\nsub_types:"), "the example has no stimulus"),
        (("      stem:", "     stem:"), "not valid YAML"),
    ],
)
def test_a_malformed_type_file_is_refused_with_file_and_line(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    assert change[0] in OWN_TYPE
    message = refused(tmp_path, types__chemistry=OWN_TYPE.replace(*change))
    assert said in message
    assert "chemistry.yaml:" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label: solve/1\nsystem: Solve.\nuser: Go.", ":3: user: the placeholder {{question}} is missing"),
        ("label: solve/1\nsystem: Solve {{all}}.\nuser: '{{question}}'", ":2: system: unknown placeholder {{all}}"),
        ("label: Solve\nsystem: Solve.\nuser: '{{question}}'", ":1: label: String should match pattern"),
        (f"label: {'s' * 40}/1\nsystem: Solve.\nuser: '{{{{question}}}}'", ":1: label: String should have at most"),
        ("label: solve/1\nuser: '{{question}}'", "system: missing"),
        ("", "the file is empty"),
        ("- 1", "expected keys and values"),
    ],
)
def test_a_malformed_task_file_is_refused_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    message = refused(tmp_path, solve=text)
    assert said in message
    assert "solve.yaml" in message
