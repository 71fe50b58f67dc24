"""The house rules: who may import whom, how long things may get, and what the README claims."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "booth").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_run_downstairs() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_code_is_clean() -> None:
    run("ruff", "check", ".")
    run("ruff", "format", "--check", "booth", "tests", "app.py")


def test_the_types_hold() -> None:
    run("mypy")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_gets_too_long(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_nothing_unpickles_or_runs_text() -> None:
    forbidden = re.compile(r"\btorch\.load\(|import pickle\b|\beval\(\w|\bexec\(|shell=True")
    own_state = ROOT / "booth" / "toybox" / "training.py"  # reads only what it wrote itself
    for path in set(SOURCES) - {own_state}:
        text = path.read_text(encoding="utf-8").replace(".eval()", "")
        assert not forbidden.search(text), path


def test_the_tree_in_the_readme_names_every_room_and_nothing_else() -> None:
    tree = re.search(r"```\n(app\.py.*?)```", _text("README.md"), re.DOTALL)
    assert tree is not None
    named = set(re.findall(r"^ {2}(\w+(?:\.py|/))", tree.group(1), re.MULTILINE))
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "booth").iterdir()
        if not path.name.startswith("__")
    }
    assert named == there


def test_every_command_is_in_the_readme() -> None:
    from booth import cli

    readme = _text("README.md")
    usage = cli._parser().format_help()
    commands = re.findall(r"^    (\w+) ", usage, re.MULTILINE)
    assert len(commands) >= 8
    for command in commands:
        assert f"booth {command}" in readme


def test_a_space_installs_what_the_project_needs() -> None:
    needs = re.search(r"^dependencies = \[(.*?)^\]", _text("pyproject.toml"), re.M | re.S)
    assert needs is not None
    ours = set(re.findall(r'"(.+)"', needs.group(1))) - {"gradio>=6.31,<7"}
    lines = _text("requirements.txt").splitlines()
    assert {line for line in lines if not line.startswith("#")} == ours


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_picture_and_page_the_readme_points_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", _text("README.md"))
    assert len(links) >= 3
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_ci_runs_the_very_command_of_the_readme() -> None:
    commands = re.findall(r"^python3 -m venv .*$", _text("README.md"), re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("app.py") and commands[1].endswith("-m pytest")
    assert r"^\(python3 -m venv .*pytest\)$" in _text(".ci/run")
