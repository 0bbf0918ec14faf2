"""The plan is kept: four modules per claim, documented names, imports one way, one version."""

from __future__ import annotations

import ast
import configparser
import fnmatch
import importlib
import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import pytest
import sympy as sp
import yaml
from flint import fmpq
from importlinter import cli

from theory.claim import Claim, chapter_of, find_claims

ROOT = Path(__file__).parent.parent
PACKAGES = ("theory", "numerics", "verify")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MADE = {"build", "dist", "results", "mutants", "_build", "_generated", "__pycache__"}
"""Folders that commands write and .gitignore names; hidden ones come on top."""


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- lines -------------------------------------------------------------------------------------

SKIP = "# fmt: " + "skip"
TABLES = 53
"""So many tables of cases keep their own layout, at most; the formatter lays out all else."""


def test_the_formatter_is_skipped_by_tables_alone() -> None:
    """The comment stands behind the brackets that close a table, in lines of their own."""
    lines = [
        line
        for folder in (*PACKAGES, "tests", "docs", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if SKIP in line
    ]
    assert [line for line in lines if not re.fullmatch(rf"\s*[\])}}]+,?  {SKIP}", line)] == []
    assert len(lines) <= TABLES


def test_lambdas_have_no_name() -> None:
    """ruff's E731 holds it, and no module asks for an exception."""
    assert [_name(path) for path in MODULES if "noqa: E731" in path.read_text("utf-8")] == []


# --- four modules -----------------------------------------------------------------------------


def test_claims_are_found() -> None:
    assert find_claims()


@pytest.mark.parametrize("claim", find_claims(), ids=lambda claim: claim.id)
def test_a_claim_has_four_modules(claim: Claim) -> None:
    chapter = chapter_of(claim.id)
    modules = (
        f"verify/{chapter}/claims/{claim.id}.py",
        f"tests/{chapter}/test_{claim.id}.py",
        f"docs/{chapter}/{claim.id}.md",
    )
    assert [module for module in modules if not (ROOT / module).is_file()] == []
    theory = ROOT / "theory" / chapter
    assert (theory / f"{claim.id}.py").is_file() or (theory / claim.id / "__init__.py").is_file()
    assert claim.wrong, "a claim without a wrong version has no control"
    tested = importlib.import_module(f"verify.{chapter}.claims.{claim.id}")
    for column in ("check", "train"):
        assert list(inspect.signature(getattr(tested, column)).parameters) == ["law", "lab"]


def test_no_tested_claim_lacks_its_theory() -> None:
    tested = {path.stem for path in (ROOT / "verify").glob("*/claims/[!_]*.py")}
    assert tested - {claim.id for claim in find_claims()} == set()


MOST = 15
"""Modules in one folder."""


def test_no_folder_is_crowded() -> None:
    count = Counter(path.parent for path in MODULES if path.stem != "__init__")
    assert {_name(folder): n for folder, n in count.items() if n > MOST} == {}


# --- tests mirror the tree --------------------------------------------------------------------

UNTESTED = {
    "*/__init__.py": "a package: its parts have tests of their own",
    "theory/shape/__main__.py": "starts theory/shape/command.py, which has tests",
    "numerics/arithmetic/types.py": "names for mypy; nothing runs",
    "theory/disk/arithmetic.py": "protocols for mypy; nothing runs",
    "verify/*figures.py": "drawings: asserted with the claim or the page that shows them",
}
"""Modules without a test file of their name, with the reason."""


def _test_file(module: Path) -> Path:
    """tests/<path>/test_<name>.py of <package>/<path>/<name>.py; the claims stand with their
    chapter.
    """
    _, *folders = module.relative_to(ROOT).parent.parts
    chapter = [folder for folder in folders if folder != "claims"]
    return ROOT.joinpath("tests", *chapter, f"test_{module.stem}.py")


def test_every_module_has_a_test_file_of_its_name() -> None:
    missing = {_name(path) for path in MODULES if not _test_file(path).is_file()}
    excused = {pattern: set(fnmatch.filter(missing, pattern)) for pattern in UNTESTED}
    assert missing - set().union(*excused.values()) == set()
    assert [pattern for pattern, names in excused.items() if not names] == []


# --- imports one way --------------------------------------------------------------------------


def test_the_page_on_folders_names_all_of_them_and_files_that_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {
        path.parent.relative_to(ROOT).parts[1]
        for path in MODULES
        if path.parent.parent in map(ROOT.joinpath, PACKAGES)
    }
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == folders
    begun = re.findall(r"`((?:theory|numerics|verify|tests)/[\w/]+(?:\.py)?)`", page)
    assert len(begun) > len(folders)
    assert [name for name in begun if not (ROOT / name).exists()] == []
    # What it says of the files that judge others.
    for name, unknown in (
        ("numerics/certificates/checker.py", PACKAGES),
        ("numerics/arithmetic/oracle.py", PACKAGES),
        ("verify/optimise/stationary.py", ("verify.optimise",)),
    ):
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        imported = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert [module for module in imported if module.startswith(unknown)] == []


def test_import_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    assert cli.lint_imports(no_cache=True) == cli.EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("path", sorted((ROOT / "theory").rglob("*.py")), ids=_name)
def test_theory_imports_sympy_and_the_standard_library_only(path: Path) -> None:
    allowed = {"sympy", "theory", *sys.stdlib_module_names}
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("theory" if node.level else str(node.module).partition(".")[0])
    assert imported - allowed == set()


# --- one version, pinned requirements, no machine ---------------------------------------------


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_version_is_stated_once() -> None:
    stated = _setup()["metadata"]["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", stated)
    assert metadata.version("everyweight") == stated
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+) - (\S+)$", changes, re.MULTILINE)
    assert newest is not None and newest[1] == stated
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], str(citation["date-released"])) == newest.groups()
    assert citation["license"] == _setup()["metadata"]["license_expression"]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_requirement_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    pinned = {_canonical(pin.partition("==")[0]) for pin in pins}
    setup = _setup()
    blocks = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    required = {
        _canonical(re.split(r"[\s\[<>=]", line.strip())[0])
        for block in blocks
        for line in block.strip().splitlines()
    }
    assert required - pinned == set()


MACHINE = re.compile(
    r"(?<![\w.>])/(?:home|root|opt|Users|mnt|work)/\w"
    r"|\b(?:pypi|pythonhosted|anaconda|npmjs|download\.pytorch)\.(?:org|io|com)\b"
    r"|(?:index[-]url|find[-]links|trusted[-]host)"
)
"""A path of one machine, or where one machine gets its packages."""


def _own_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in MADE or path.suffix == ".egg-info":
            continue
        if path.name.startswith(".") and path.name not in (".ci", ".gitignore"):
            continue
        if path.is_dir():
            yield from _own_files(path)
        else:
            yield path


def test_no_file_names_a_machine() -> None:
    found = []
    for path in _own_files(ROOT):
        for match in MACHINE.finditer(path.read_bytes().decode("utf-8", errors="replace")):
            found.append(f"{_name(path)}: {match[0]}")
    assert found == []


# --- the numbers that decide ------------------------------------------------------------------

PROBLEM = frozenset({"HALF", "MEAN", "SPREAD", "PARABOLA", "NARROW_RADIUS", "UNIT", "EPS"})
"""Numbers of the problem and of the arithmetic, which nobody chose."""
TINY = Fraction(1, 10**5)
NUMBERS = (float, Fraction, fmpq, sp.Rational, sp.Float)


def _compared(tree: ast.Module) -> set[str]:
    """The names inside comparisons."""
    parts = (n for node in ast.walk(tree) if isinstance(node, ast.Compare) for n in ast.walk(node))
    return {node.id for node in parts if isinstance(node, ast.Name)}


def _assigned(tree: ast.Module) -> set[str]:
    """The names at the top of a module."""
    tops = (node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign)))
    names = (n for node in tops for n in ast.walk(node) if isinstance(n, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def thresholds() -> set[tuple[str, str]]:
    """(file, name) of every number at the top of a module, not whole, that is tiny or that some
    module compares.
    """
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
    homes = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in trees}
    assigned = {path: _assigned(tree) for path, tree in trees.items()}
    found = set()
    for path, tree in trees.items():
        own = dict.fromkeys(assigned[path], path)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in homes:
                home = homes[node.module]
                own |= {a.name: home for a in node.names if a.name in assigned[home]}
        compared = _compared(tree)
        for name in set(own) - PROBLEM:
            home = own[name].relative_to(ROOT).with_suffix("")
            value = getattr(importlib.import_module(".".join(home.parts)), name, None)
            number = isinstance(value, NUMBERS) and not isinstance(value, sp.Integer)
            if number and (name in compared or 0 < Fraction(str(value)) < TINY):
                found.add((f"{home.as_posix()}.py", name))
    return found


def test_the_page_on_trust_names_every_number_that_decides() -> None:
    """It named two and said that those were all; chance in curvature and medians were left out,
    too.

    Siblings: every float or fraction at the top of a module that stands in a comparison, or is
        tiny.
    """
    page = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \| `(\w+)` \| \S[^|]* \| \S[^|]* \|$", page, re.MULTILINE)
    named = {(file, name) for files, name in rows for file in re.findall(r"`([^`]+)`", files)}
    deciding = thresholds()
    assert deciding - named == set()
    assert named - deciding == set(), "no longer there"
    chance = re.search(r"^- \*\*Chance\*\*.*\n(?:  .*\n)*", page, re.MULTILINE)
    assert chance is not None
    assert all(word in chance[0] for word in ("LEVEL", "noise.md"))
    medians = re.search(r"^\*\*Medians\.\*\*.*$", page, re.MULTILINE)
    assert medians is not None
    for path in (ROOT / "verify").glob("*/claims/*.py"):
        if "np.median(" in path.read_text(encoding="utf-8"):
            assert f"{path.stem}.md" in medians[0]
