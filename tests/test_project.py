"""The project keeps its own rules: who may import whom, what the lock holds, what must never be in a file."""

from __future__ import annotations

import ast
import re
import subprocess
import textwrap
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, create_autospec

import pytest
from dotenv import dotenv_values
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from app import registry
from app.settings import Settings
from app.steps import Case, Steps
from app.steps.chat import ACTIONS

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-otel.lock", "requirements-dev.lock")
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==([^\s;]+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)
HANDLERS_MAY = {"app.steps", "app.registry", "typing", "dataclasses", "__future__"}

# Brackets keep this file from finding itself.
MACHINE = re.compile(r"(?<![\w.~$}])/(?:wor[k]|tm[p]|roo[t]|hom[e]|op[t])/")
REGISTRY = re.compile(r"pypi\.or[g]|pythonhoste[d]|--(?:extra-)?index-ur[l]|--find-link[s]")


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom"
            found |= {str(node.module)}
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def importers(package: str, *folders: str) -> set[str]:
    return {
        name
        for name, tree in sources(*folders)
        if any(item == package or item.startswith(f"{package}.") for item in imports(tree))
    }


def pins(lock: str) -> dict[str, Version]:
    return {canonicalize_name(name): Version(version) for name, version, _ in PIN.findall((ROOT / lock).read_text())}


def project_files() -> list[Path]:
    """Every file that is or would be committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone: nothing says which files belong to the project")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_example_lists_every_setting_and_no_other() -> None:
    assert set(dotenv_values(ROOT / ".env.example")) == {name.upper() for name in Settings.model_fields}


def test_example_loads(settings: Settings) -> None:
    assert settings.database_url == ""
    assert settings.approvers
    assert settings.tags["data_deletion_request"] == "data_deletion_request"


def test_example_limits_are_the_defaults(settings: Settings) -> None:
    text = (ROOT / ".env.example").read_text()
    names = re.findall(r"^([A-Z_]+)=", text.partition("(these are the defaults)")[2], re.MULTILINE)
    assert len(names) > 10
    for name in names:
        assert getattr(settings, name.lower()) == Settings.model_fields[name.lower()].default, name


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_by_hash_and_names_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text()
    named = re.findall(r"^[A-Za-z0-9].*", text, re.MULTILINE)
    assert len(named) == len(pins(lock)) > 30
    assert "http:" not in text
    assert "https:" not in text
    assert "://" not in text


def test_locks_name_the_same_files() -> None:
    """Made at different times, they once named two different builds of one version: one of them could not be had."""
    texts = ((ROOT / lock).read_text() for lock in LOCKS)
    *smaller, development = ({name: files for name, _, files in PIN.findall(text)} for text in texts)
    for lock in smaller:
        assert {name for name, files in lock.items() if development.get(name) != files} == set()


def test_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = project["project"]["dependencies"] + project["build-system"]["requires"]
    more = project["project"]["optional-dependencies"]
    spans = runtime + more["otel"]
    for lock, wanted in zip(LOCKS, (runtime, spans, spans + more["dev"]), strict=True):
        pinned = pins(lock)
        for requirement in map(Requirement, wanted):
            assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, (lock, str(requirement))


def test_each_lock_holds_the_one_before() -> None:
    smallest, middle, largest = map(pins, LOCKS)
    assert smallest.items() < middle.items() < largest.items()


def test_handlers_import_only_the_verbs_and_the_registry() -> None:
    seen = dict(sources("handlers"))
    assert len(seen) > 1
    for name, tree in seen.items():
        for item in imports(tree):
            assert any(item == allowed or item.startswith(f"{allowed}.") for allowed in HANDLERS_MAY), (name, item)


def test_the_example_of_a_procedure_registers_and_calls_verbs_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's own code, as a handler beside none of ours."""
    text = (ROOT / "docs" / "adding-a-procedure.md").read_text("utf-8")
    [code] = re.findall(r"^ *```python\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    tree = ast.parse(textwrap.dedent(code))
    for item in imports(tree):
        assert any(item == allowed or item.startswith(f"{allowed}.") for allowed in HANDLERS_MAY), item
    tables: dict[str, dict[Any, Any]] = {name: {} for name in ("_tags", "_buttons", "_threats", "_issues", "_times")}
    for name, table in tables.items():
        monkeypatch.setattr(registry, name, table)
    module = types.ModuleType("handlers.example")
    exec(compile(tree, "adding-a-procedure.md", "exec"), vars(module))
    [tagged] = tables["_tags"].values()
    assert set(tables["_buttons"]) == {(tagged.procedure, action) for action in ACTIONS}
    assert set(tables["_issues"]) == {(tagged.procedure, "done")}
    buttons, issues = tables["_buttons"].values(), tables["_issues"].values()
    do = create_autospec(Steps, instance=True)  # refuses a verb that is not there, and arguments that it does not take
    do.waits_for_agent.return_value = False
    for section in (tagged.section, *(button.section for button in buttons), *issues):
        section(MagicMock(Case), do)
    assert {verb for verb, _, _ in do.method_calls} >= {"ask_supervisor", "open_jira", "ask_agent", "claim_ban"}


def test_only_the_engine_imports_procrastinate() -> None:
    assert importers("procrastinate", "app", "handlers", "sandbox") == {"app/engine.py"}


def test_the_desk_and_the_stand_ins_know_nothing_of_each_other() -> None:
    assert importers("sandbox", "app", "handlers") == set()
    assert importers("app", "sandbox") | importers("handlers", "sandbox") == set()


def test_the_watch_on_imports_sees_every_form() -> None:
    for line in ("import sandbox.core", "from sandbox import core", "from sandbox.core import World"):
        assert {item.partition(".")[0] for item in imports(ast.parse(line))} == {"sandbox"}


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = []
    for path in project_files():
        if path.suffix in (".png", ".ico", ".woff2"):
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if MACHINE.search(line) or REGISTRY.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_nothing_of_a_running_desk_is_in_the_project() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in project_files()}
    assert not {name for name in names if name == ".env" or name.startswith(("var/", ".venv/", "shared/"))}


def test_make_targets_are_one_line_each() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)*)", text, re.MULTILINE)
    assert {name for name, _ in targets} >= {"demo", "test", "lint", "bench"}
    for name, recipe in targets:
        assert recipe.count("\n") == 1, name
        assert f"-m app.bootstrap {name}" in recipe


def test_every_macro_title_used_exists() -> None:
    used = set()
    for _, tree in sources("handlers"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and "macro" in node.func.attr:
                used |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    titles = {tomllib.loads(path.read_text("utf-8")).get("title") for path in (ROOT / "macros").glob("*.toml")}
    assert used
    assert used <= titles


def test_readme_explains_every_setting_and_no_other() -> None:
    table = (ROOT / "README.md").read_text("utf-8").partition("## Settings")[2].partition("\n## ")[0]
    named = {
        name for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`([A-Z_]+)`", row)
    }
    assert named == {name.upper() for name in Settings.model_fields}


def test_links_in_documents_lead_somewhere() -> None:
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), (path.name, target)
