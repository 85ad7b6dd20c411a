"""The borders of the layer: imports point one way, and foreign types stay in their package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.template import ROOT

LAYER = ROOT / "shared" / "verification"

FLOORS = (
    {"errors", "frozen", "models"},
    {"settings", "crypto", "jws", "rules", "parsing", "observability", "codes"},
    {"ports", "okta", "aws", "timing", "beside"},
    {"lookup", "limits", "devices", "receipts"},
    {"sending", "checking", "passwords"},
    {
        "issue",
        "verify",
        "awaiting",
        "enrollment",
        "registration",
        "sign_in",
        "sign_in_codes",
        "holds",
    },
    {"container", "http"},
)
"""From the ground up; the functions are the eighth. A module imports from its own floor or below."""

FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
USE_CASES = {name for floor in FLOORS[3:6] for name in floor}

HOMES = {
    "requests": ("okta",),
    "urllib3": ("okta",),
    "boto3": ("aws",),
    "botocore": ("aws",),
    "cryptography": ("crypto", "jws"),
    "os": ("settings",),
    "tests": (),
}
"""The only places that may import each of these."""

ROW_TYPES = {"Item", "Update", "ConditionFailed"}
ROW_KEY = re.compile(
    "(email|device|customer|budget|passwords|sends|brake|response|push|sign-in|receipt)#"
)
ROW_MODULES = ("aws/table.py", "aws/challenge_slots.py", "aws/send_times.py")
"""Used by the other modules of aws alone."""

STATUSES = {200, 201, 202, 204, 301, 302, 303, 400, 401, 403, 404, 409, 410, 415, 422, 429}
STATUSES |= {500, 501, 502, 503, 504}
HTTP_NAMES = {"Reply", "Response", "HTTPStatus", "status_code"}
DOCUMENTS = {"Any", "dict", "Mapping", "Json", "object"}

SENDING = (
    *(".send_code", ".resend_enrollment_code", ".resend", ".send_push", ".cancel_push"),
    *("authn.challenge", "authn.enroll"),
)
"""Okta's calls that have a code or a push sent, and the one that takes a push back."""

CHECKING = (".check_code", ".push_answer", "authn.activate", "factors.activate")
"""Okta's calls that check a code, and the one that asks about a push."""

TREES = {
    path.relative_to(LAYER).as_posix(): ast.parse(path.read_text())
    for path in sorted(LAYER.rglob("*.py"))
}


def room(name: str) -> str:
    """`okta` for okta/users.py, `rules` for rules.py."""
    return Path(name).with_suffix("").parts[0]


def imports(name: str) -> Iterator[tuple[str, str]]:
    """Module and name of everything that a module imports, `from x import y` as (x, y)."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            yield from ((node.module or "", alias.name) for alias in node.names)


def names_in(node: ast.AST | None) -> set[str]:
    """Every name in an annotation."""
    nodes = list(ast.walk(node)) if node is not None else []
    names = {each.id for each in nodes if isinstance(each, ast.Name)}
    return names | {each.attr for each in nodes if isinstance(each, ast.Attribute)}


def public_signatures(name: str) -> Iterator[tuple[str, set[str]]]:
    """The names in the signatures of the public methods of a module's public classes."""
    for node in TREES[name].body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    arguments = [*method.args.args, *method.args.kwonlyargs]
                    for each in (*(each.annotation for each in arguments), method.returns):
                        yield f"{node.name}.{method.name}", names_in(each)


def test_a_module_imports_nothing_from_above_it() -> None:
    packages = {name for name in TREES if name.endswith("__init__.py")}
    assert [name for name in packages if list(imports(name))] == []
    for name in TREES.keys() - packages:
        assert room(name) in FLOOR, f"{name} has no floor: add it to FLOORS"
        for module, imported in imports(name):
            if module.partition(".")[0] == "verification":
                target = [*module.split("."), imported][1]
                assert FLOOR[target] <= FLOOR[room(name)], f"{name} imports {module}.{imported}"


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    left = {
        f"verification.{name.removesuffix('.py').replace('/', '.')}": {
            candidate
            for module, imported in imports(name)
            for candidate in (module, f"{module}.{imported}")
        }
        for name in TREES
        if not name.endswith("__init__.py")
    }
    while free := [module for module, targets in left.items() if not targets & set(left)]:
        for module in free:
            del left[module]
    assert not left


def test_each_foreign_package_is_imported_in_one_place() -> None:
    for name in TREES:
        for module, _ in imports(name):
            homes = HOMES.get(module.partition(".")[0])
            assert homes is None or room(name) in homes, f"{name} imports {module}"


def test_classes_are_frozen_without_the_cost_of_a_dataclass() -> None:
    """They use Frozen."""
    assert [name for name in TREES if ("dataclasses", "dataclass") in imports(name)] == []


def test_no_row_leaves_aws() -> None:
    for name in TREES:
        if room(name) == "aws":
            for method, names in public_signatures(name):
                assert name in ROW_MODULES or not names & ROW_TYPES, f"{name}: {method}"
            continue
        for module, imported in imports(name):
            if module.startswith("verification.aws"):
                assert imported not in ROW_TYPES, f"{name} imports {imported}"
                assert room(name) == "container", f"{name} imports {module}.{imported}"


def test_no_row_key_leaves_aws() -> None:
    for name, tree in TREES.items():
        for node in ast.walk(tree) if room(name) != "aws" else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not ROW_KEY.match(node.value), f"{name}: {node.value}"


@pytest.mark.parametrize("name", ["users", "factors", "authn", "sms_templates"])
def test_no_untyped_okta_document_leaves_okta(name: str) -> None:
    for method, names in public_signatures(f"okta/{name}.py"):
        assert not names & DOCUMENTS, method


def test_no_http_status_enters_a_use_case() -> None:
    for name, tree in TREES.items():
        for node in ast.walk(tree) if room(name) in USE_CASES else ():
            if isinstance(node, ast.Constant) and type(node.value) is int:
                assert node.value not in STATUSES, f"{name}, line {node.lineno}"
            if isinstance(node, ast.Name | ast.Attribute):
                assert not names_in(node) & HTTP_NAMES, f"{name}, line {node.lineno}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("functions/*/*.py")), ids=str)
def test_a_function_is_one_file_of_short_handlers(path: Path) -> None:
    assert path.name == "app.py"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 1000) - node.lineno < 12


def users_of(calls: tuple[str, ...]) -> set[str]:
    """The modules that name one of these calls, apart from those that define them."""
    return {
        name
        for name, tree in TREES.items()
        if room(name) not in ("okta", "ports")
        and any(
            isinstance(node, ast.Attribute) and ast.unparse(node).endswith(calls)
            for node in ast.walk(tree)
        )
    }


def test_one_module_has_codes_and_pushes_sent() -> None:
    assert users_of(SENDING) == {"sending.py"}


def test_one_module_has_codes_checked_and_asks_about_pushes() -> None:
    assert users_of(CHECKING) == {"checking.py"}
