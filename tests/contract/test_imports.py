"""The borders of the layer: imports point one way, and foreign types stay in their package."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYER = ROOT / "shared" / "verification"

FLOORS = (
    {"errors", "models"},
    {"settings", "crypto", "jws", "rules", "parsing", "observability", "codes"},
    {"ports", "okta", "aws", "timing"},
    {"lookup", "limits", "devices", "receipts"},
    {"issue", "verify", "passwords"},
    {"enrollment", "registration", "sign_in", "holds"},
    {"container", "http"},
)
"""From the ground up; the functions are the eighth. A module imports from its own floor or below."""

USE_CASES = {name for floor in FLOORS[3:6] for name in floor}

HOMES = {
    "requests": ("okta",),
    "urllib3": ("okta",),
    "boto3": ("aws",),
    "botocore": ("aws",),
    "cryptography": ("crypto", "jws"),
    "os": ("settings",),
}
"""The only place that may import each of these."""

ROW_TYPES = {"Item", "Update", "ConditionFailed"}
ROW_KEYS = (
    "email#",
    "device#",
    "customer#",
    "budget#",
    "passwords#",
    "sends#",
    "brake#",
    "response#",
    "sign-in#",
    "receipt#",
)
STATUSES = {200, 201, 202, 204, 301, 302, 303, 400, 401, 403, 404, 409, 410, 415, 422, 429, 500}
STATUSES |= {501, 502, 503, 504}
DOCUMENTS = {"Any", "dict", "Mapping", "Json", "object"}


def modules() -> list[Path]:
    return sorted(LAYER.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(LAYER))


def room(path: Path) -> str:
    """`okta` for okta/users.py, `rules` for rules.py."""
    return path.relative_to(LAYER).with_suffix("").parts[0]


def floor(name: str) -> int:
    for number, names in enumerate(FLOORS):
        if name in names:
            return number
    raise AssertionError(f"{name} has no floor: add it to FLOORS")


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


def names_in(node: ast.AST | None) -> set[str]:
    """Every name in an annotation."""
    found = set()
    for each in ast.walk(node) if node is not None else ():
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif isinstance(each, ast.Attribute):
            found.add(each.attr)
    return found


def public_signatures(path: Path) -> Iterator[tuple[str, ast.AST | None]]:
    """The annotations of the public methods of a module's public classes."""
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                arguments = [*method.args.args, *method.args.kwonlyargs]
                for annotation in (*(each.annotation for each in arguments), method.returns):
                    yield f"{node.name}.{method.name}", annotation


every_module = pytest.mark.parametrize("path", modules(), ids=name_of)


@every_module
def test_a_module_imports_nothing_from_above_it(path: Path) -> None:
    if path.name == "__init__.py":
        assert not list(imports(path))
        return
    for module, name in imports(path):
        if module.partition(".")[0] == "verification":
            target = [*module.split("."), name][1]
            assert floor(target) <= floor(room(path)), f"imports {module}.{name}"


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    arrows = {
        path.relative_to(LAYER).with_suffix("").as_posix().replace("/", "."): {
            candidate.removeprefix("verification.")
            for module, name in imports(path)
            if module.startswith("verification")
            for candidate in (module, f"{module}.{name}")
        }
        for path in modules()
        if path.name != "__init__.py"
    }
    left = {module: targets & set(arrows) for module, targets in arrows.items()}
    while free := [module for module, targets in left.items() if not targets & set(left)]:
        for module in free:
            del left[module]
    assert not left


@every_module
def test_each_foreign_package_is_imported_in_one_place(path: Path) -> None:
    for module, _ in imports(path):
        homes = HOMES.get(module.partition(".")[0])
        assert homes is None or room(path) in homes, f"imports {module}"


@every_module
def test_no_row_and_no_row_key_leaves_aws(path: Path) -> None:
    if room(path) == "aws":
        if path.name in ("table.py", "challenge_slots.py", "send_slots.py"):
            return  # used by the other modules of aws alone, as the next lines show for them
        for method, annotation in public_signatures(path):
            assert not names_in(annotation) & ROW_TYPES, method
        return
    for module, name in imports(path):
        if module.startswith("verification.aws") and name not in ROW_TYPES:
            assert room(path) == "container", f"imports {module}.{name}"
        assert not (module.startswith("verification.aws") and name in ROW_TYPES)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not node.value.startswith(ROW_KEYS), node.value


@pytest.mark.parametrize("name", ["users", "factors", "authn", "sms_templates"])
def test_no_untyped_okta_document_leaves_okta(name: str) -> None:
    for method, annotation in public_signatures(LAYER / "okta" / f"{name}.py"):
        assert not names_in(annotation) & DOCUMENTS, method


@every_module
def test_no_http_status_enters_a_use_case(path: Path) -> None:
    if room(path) not in USE_CASES:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            assert node.value not in STATUSES, f"line {node.lineno}"
        names = names_in(node) if isinstance(node, ast.Name | ast.Attribute) else set()
        assert not names & {"Reply", "Response", "HTTPStatus", "status_code"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("functions/*/*.py")), ids=str)
def test_a_function_is_one_file_of_short_handlers(path: Path) -> None:
    assert path.name == "app.py"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 12


@every_module
def test_the_layer_does_not_import_its_tests(path: Path) -> None:
    assert not [module for module, _ in imports(path) if module.partition(".")[0] == "tests"]


ONE_CALLER = {
    "issue": (
        "okta_factors.send_code",
        "okta_factors.resend_enrollment_code",
        "okta_authn.challenge",
        "okta_authn.resend",
        "okta_authn.resend_enrollment_code",
        "okta_authn.enroll",
    ),
    "verify": (
        "okta_factors.check_code",
        "okta_factors.activate",
        "okta_authn.check_code",
        "okta_authn.activate",
    ),
}
"""Okta's calls that send or check a code."""


def test_codes_are_sent_by_issue_and_checked_by_verify_alone() -> None:
    methods = {call.split(".")[1] for calls in ONE_CALLER.values() for call in calls} - {
        "enroll",  # also enrolls factors that are sent nothing
        "challenge",  # also the name of use cases
        "activate",
    }
    for path in modules():
        if room(path) in ("okta", "ports", *ONE_CALLER):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                receiver = ast.unparse(node.func.value)
                is_use_case = receiver.endswith(("sign_in", "issue", "verify"))
                assert node.func.attr not in methods or is_use_case, ast.unparse(node)
