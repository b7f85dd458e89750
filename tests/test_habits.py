"""What stands beside the code: Makefile, hooks, workflow, forms, citation, the map of rooms."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

import fleeting

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CONFIG = ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
FORMS = sorted(set((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")) - {CONFIG})
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def parsed(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_every_target_is_phony_and_says_what_it_does():
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    helped = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    listed = [line.split() for line in helped.splitlines()]
    assert {words[1] for words in listed} == TARGETS == set(phony)
    assert all(words[0] == "make" and len(words) > 2 for words in listed)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/releasing.md", ".ci/run"])
def test_what_pages_tell_people_to_make_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|[`$] ?)make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert named
    assert named <= TARGETS


def test_hooks_are_the_tools_that_make_check_runs():
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1].replace("$(BIN)", ".venv/bin")
    (source,) = parsed(".pre-commit-config.yaml")["repos"]
    assert source["repo"] == "local"  # nothing is fetched
    for hook in source["hooks"]:
        assert hook["language"] == "unsupported"  # pre-commit's word for: call it, install nothing
        command = re.sub(r" --(fix|force-exclude)\b", "", hook["entry"])
        assert re.search(rf"^\t{re.escape(command)}\b", recipe, re.MULTILINE), hook["id"]


def test_the_workflow_runs_what_ci_runs_on_every_python_that_is_admitted():
    workflow = parsed(".github/workflows/ci.yml")
    (job,) = workflow["jobs"].values()
    admitted = SpecifierSet(PROJECT["project"]["requires-python"])
    assert job["strategy"]["matrix"]["python"] == [v for n in range(50) if (v := f"3.{n}") in admitted]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert workflow["permissions"] == {"contents": "read"}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def test_the_citation_is_of_this_version():
    citation = parsed("CITATION.cff")
    assert citation["version"] == fleeting.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_with_unique_names_and_not_for_faces(path):
    form = parsed(path)
    assert form["name"]
    assert form["description"]
    notice, *questions = form["body"]
    assert "do not attach" in notice["attributes"]["value"].lower()
    ids = [question["id"] for question in questions]
    assert len(ids) == len(set(ids)) > 0
    assert all(question["attributes"]["label"] for question in questions)


def test_there_are_forms_for_a_dataset_and_for_a_wrong_result():
    assert {path.stem for path in FORMS} >= {"new-dataset", "wrong-result"}
    assert isinstance(parsed(CONFIG)["blank_issues_enabled"], bool)


def test_containers_install_extras_that_exist():
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    named = ",".join(re.findall(r"(?:EXTRAS=|\.\[)([a-z,]+)", text)).split(",")
    assert len(named) > 3
    assert {*named} <= PROJECT["project"]["optional-dependencies"].keys()


def test_every_room_is_on_the_map_of_rooms_and_no_other():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`.*?) \| ", text.partition("## Where things are")[2], re.MULTILINE)
    rooms = {path.parent.name for path in Path(fleeting.__file__).parent.glob("*/__init__.py")}
    assert {name for row in table for name in re.findall(r"`([a-z]+)`", row)} == rooms


@pytest.mark.parametrize("folder", ["benchmarks", "studies"])
def test_every_script_has_a_row_in_the_table_of_its_folder_and_every_row_a_script(folder):
    scripts = {path.name for path in (ROOT / folder).glob("*.py")}
    rows = [line for line in (ROOT / folder / "README.md").read_text().splitlines() if line.startswith("| ")]
    assert rows[0].split(" | ")[1:] == ["command", "minutes", "data |"]
    assert {name for row in rows for name in re.findall(rf"python {folder}/(\w+\.py)", row)} == scripts
