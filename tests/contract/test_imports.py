"""Imports point one way, and what may reach the outside world does so in one place."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYER = ROOT / "shared" / "verification"

LEVELS = (
    {"errors", "models", "observability"},
    {"settings", "policy", "identity"},
    {"okta", "aws"},
    {"pace", "customers", "limits", "idempotency"},
    {"resources"},
    {"sending"},
    {"challenges", "enrollment", "registration", "sign_in"},
    {"dialects"},
    {"wiring"},
    {"snapshot"},
    {"edge"},
)
"""From the ground up. A module imports from its own level or from those below it."""

HOMES = {
    "requests": ("okta",),
    "urllib3": ("okta",),
    "boto3": ("aws",),
    "botocore": ("aws",),
    "os": ("settings",),
}
"""The one room in which each of these may be imported."""


def modules() -> list[Path]:
    return sorted(LAYER.rglob("*.py"))


def room(path: Path) -> str:
    """`okta` for okta/users.py, `policy` for policy.py."""
    return path.relative_to(LAYER).with_suffix("").parts[0]


def level(name: str) -> int:
    for number, names in enumerate(LEVELS):
        if name in names:
            return number
    raise AssertionError(f"{name} has no place in the order: add it to LEVELS")


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of everything that a file imports, `from x import y` as (x, y)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            for alias in node.names:
                yield node.module or "", alias.name


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LAYER)))
def test_a_module_imports_nothing_from_above_it(path: Path) -> None:
    if path.name == "__init__.py":
        assert not list(imports(path))
        return
    for module, name in imports(path):
        if module.partition(".")[0] == "verification":
            target = [*module.split("."), name][1]
            assert level(target) <= level(room(path)), f"imports {module}.{name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LAYER)))
def test_the_outside_world_is_reached_in_one_place_each(path: Path) -> None:
    for module, _ in imports(path):
        homes = HOMES.get(module.partition(".")[0])
        assert homes is None or room(path) in homes, f"imports {module}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("functions/*/*.py")), ids=str)
def test_a_function_is_one_file_of_short_handlers(path: Path) -> None:
    assert path.name == "app.py"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 20


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(LAYER)))
def test_the_layer_knows_nothing_of_its_tests(path: Path) -> None:
    assert not [module for module, _ in imports(path) if module.partition(".")[0] == "tests"]
