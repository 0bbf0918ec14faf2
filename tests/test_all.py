"""The command line: options, exit statuses, streams, and what an interrupt leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from theory.claim import CHAPTERS, Claim, Proof, Step, Wrong
from verify import all as command
from verify.report.evidence import Evidence
from verify.report.verdict import column
from verify.work.executor import Serial

ROOT = Path(__file__).parent.parent


def made(name: str, **parts: Any) -> Claim:
    """A claim that the law is 1, with a module of its own, which offers ``parts`` too."""
    module = ModuleType(f"verify.pulse.claims.{name}")
    offered = Evidence(**{"check": distance, "train": distance, **parts})
    vars(module).update(EVIDENCE=offered)
    sys.modules[module.__name__] = module
    return Claim(name, f"The claim {name}", "x = 1", (), 1, prove, (Wrong("a sign", -1),))


def prove(law: Any) -> Proof:
    """One step: the law is 1."""
    return Proof((Step("only", law == 1),), "one case")


def distance(law: Any, lab: Any) -> Any:
    """How far a law is from 1, and a little noise that depends on the seed."""
    return column(abs(law - 1) + 1e-9 * lab.rng("noise").random(), 1e-6, "distance from 1")


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Replaces the registry, keeps the work in this process, and forgets the modules made."""

    def use(*invented: Claim) -> None:
        monkeypatch.setattr("theory.claim.find_claims", lambda: invented)
        first, *others = CHAPTERS
        names = dict.fromkeys((*first.claims, *(claim.id for claim in invented)))
        longer = replace(first, claims=tuple(names))
        monkeypatch.setattr("theory.claim.CHAPTERS", (longer, *others))

    monkeypatch.setattr("verify.work.executor.open_executor", lambda *_: nullcontext(Serial()))
    before = dict(sys.modules)
    yield use
    for name in [name for name in sys.modules if name.startswith("verify.pulse.claims.")]:
        del sys.modules[name]
        if name in before:
            sys.modules[name] = before[name]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr with which the command line refuses these arguments."""
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    return err


def test_all_hold(claims: Callable[..., None], tmp_path: Path, capsys: Any) -> None:
    claims(made("one"), made("two"))
    assert command.main(["--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "Every one of 2 claims holds: 2 verified." in out
    assert err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["holds"]


@pytest.mark.parametrize(
    "parts",
    [
        {"check": lambda law, lab: column(2, 1, "too far")},
        {"check": lambda law, lab: 1 / 0},
        {"train": lambda law, lab: column(0, 1, "accepts everything")},
        {"figures": lambda lab: 1 / 0},
        {"needs": lambda profile: 1 / 0},
    ],
    ids=["fails", "blocked", "control", "figures", "needs"],
)
def test_whatever_does_not_hold_exits_1(
    claims: Callable[..., None], tmp_path: Path, capsys: Any, parts: dict[str, Any]
) -> None:
    bad = made("bad", **parts)
    claims(made("one"), bad)
    assert command.main(["--out", str(tmp_path)]) == 1
    assert "Not everything holds" in capsys.readouterr().out
    assert not json.loads((tmp_path / "report.json").read_text())["summary"]["holds"]


def test_zero_claims_exit_1(claims: Callable[..., None], tmp_path: Path, capsys: Any) -> None:
    claims()
    assert command.main(["--out", str(tmp_path)]) == 1
    assert "No claim was examined" in capsys.readouterr().out


def test_debug_raises(claims: Callable[..., None], tmp_path: Path) -> None:
    bad = made("bad", train=lambda law, lab: 1 / 0)
    claims(bad)
    with pytest.raises(ZeroDivisionError):
        command.main(["--debug", "--out", str(tmp_path)])


def test_a_lack_of_memory_is_no_verdict(claims: Callable[..., None], tmp_path: Path) -> None:
    """It blocked the claim, as an error of the claim's own code does, and the run ended with 1."""

    def exhausted(*_: Any) -> Any:
        raise MemoryError

    for part in ("check", "figures"):
        bad = made("bad", **{part: exhausted})
        claims(bad)
        with pytest.raises(MemoryError):
            command.main(["--out", str(tmp_path)])


def test_no_more_processes_than_cores(
    claims: Callable[..., None], tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--jobs 1000 started one process for each setting, 218 at once."""
    asked: list[int] = []
    claims(made("one"))
    monkeypatch.setattr(
        "verify.work.executor.open_executor",
        lambda kind, jobs: asked.append(jobs) or nullcontext(Serial()),
    )
    monkeypatch.setattr(command, "_cores", lambda: 3)
    for jobs, said in (("2", ""), ("3", ""), ("1000", "3, one for each core")):
        assert command.main(["--jobs", jobs, "--out", str(tmp_path)]) == 0
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == bool(said)
    assert asked == [2, 3, 3]


def test_json_alone_on_stdout_and_same_seed_same_figures(
    claims: Callable[..., None], tmp_path: Path, capsys: Any
) -> None:
    claims(made("one"))
    runs = []
    for seed in ("5", "5", "6"):
        assert command.main(["--json", "--seed", seed, "--out", str(tmp_path)]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert out == (tmp_path / "report.json").read_text(encoding="utf-8")
        runs.append(json.loads(out))
        assert all(claim.pop("seconds") >= 0 for claim in runs[-1]["claims"])
    assert runs[0] == runs[1]  # only the seconds differed
    assert runs[1]["claims"][0]["columns"] != runs[2]["claims"][0]["columns"]


def test_only_takes_names_and_globs(
    claims: Callable[..., None], tmp_path: Path, capsys: Any
) -> None:
    claims(made("signal"), made("staircase"), made("loss"))
    assert command.main(["--json", "--only", "s*,loss,sig*", "--out", str(tmp_path)]) == 0
    names = [entry["id"] for entry in json.loads(capsys.readouterr().out)["claims"]]
    assert names == ["signal", "staircase", "loss"]
    assert [part for _, part in listed(capsys, "--only", "[ls]*l,l?ss")] == [["signal", "loss"]]
    for bad in ("losses", "loss,x*", ",", ""):
        refused(["--only", bad, "--out", str(tmp_path)], capsys)


def listed(capsys: Any, *arguments: str) -> list[tuple[str, list[str]]]:
    """The headings that --list prints, each with the ids below it."""
    assert command.main(["--list", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == "" and max(map(len, out.splitlines())) < 80
    blocks = [block.splitlines() for block in out.rstrip("\n").split("\n\n")]
    ids = re.compile(r"^  (\w+) ")
    return [(head, [m[1] for line in lines if (m := ids.match(line))]) for head, *lines in blocks]


def test_list_tells_the_story(capsys: Any) -> None:
    """Six chapters in the order that theory/claim.py states, and the appendix."""
    headings, names = zip(*listed(capsys), strict=True)
    assert headings == (*(f"{c.title} · {c.name}/" for c in CHAPTERS), "Appendix")
    assert names[:-1] == tuple(list(chapter.claims) for chapter in CHAPTERS)
    assert names[-1] == [name for chapter in CHAPTERS for name in chapter.appendix]


def test_only_takes_chapters(capsys: Any) -> None:
    """With their appendix; a word that is a claim, too, is the claim unless a slash follows."""
    for chapter in CHAPTERS:
        every = [*chapter.claims, *chapter.appendix]
        for word in (f"{chapter.name}/", chapter.name):
            names = [name for _, part in listed(capsys, "--only", word) for name in part]
            assert names == ([word] if word in ("shape", "disk") else every)
    names = [name for _, part in listed(capsys, "--only", "training,sig*,shape") for name in part]
    assert names == ["signal", *CHAPTERS[1].claims, "shape", *CHAPTERS[1].appendix]
    for bad in ("losses/", "train*/", "loss/"):
        message = refused(["--only", bad], capsys)
        assert all(f"{chapter.name}/" in message for chapter in CHAPTERS)
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert "shape/ and disk/ are the chapters" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--profile", "tiny"],
        ["--seed", "-1"],
        ["--seed", "x"],
        ["--jobs", "0"],
        ["--jobs", "2.5"],
        ["--lis"],
        ["--nonsense"],
        ["extra"],
        ["--out"],
    ],
    ids=" ".join,
)
def test_bad_options_are_refused_in_one_line(arguments: list[str], capsys: Any) -> None:
    assert refused(arguments, capsys).startswith("python -m verify.all: ")


def test_an_unusable_folder_is_refused_before_the_work(
    claims: Callable[..., None], tmp_path: Path, capsys: Any
) -> None:
    def worked(law: Any, lab: Any) -> Any:
        pytest.fail("the work had begun")

    bad = made("bad", check=worked)
    claims(bad)
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "report.html").mkdir(parents=True)
    for folder in ("file", "file/below", "taken"):
        assert "cannot write to" in refused(["--out", str(tmp_path / folder)], capsys)


# --- in a process of its own ------------------------------------------------------------------

SCRIPT = """
import sys, time
import theory.claim
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from theory.claim import CHAPTERS, Claim, Proof, Step, Wrong
from verify.report.evidence import Evidence
from verify.report.verdict import column
from verify.work.executor import Serial

def check(law, lab):
    print("a stray line")
    mark = Path(__file__).with_name("wait")
    while mark.exists() and law == 1:
        mark.with_name("working").touch()
        time.sleep(0.02)
    return column(abs(law - 1) + 1e-9 * lab.rng("x").random(), 1e-6, "distance")

def one(name):
    module = ModuleType("verify.pulse.claims." + name)
    module.EVIDENCE = Evidence(check, check)
    sys.modules[module.__name__] = module
    proof = lambda law: Proof((Step("only", law == 1),), "one case")
    return Claim(name, name, "x = 1", (), 1, proof, (Wrong("a sign", -1),))

found = tuple(one(name) for name in ("one", "two", "three"))
theory.claim.find_claims = lambda: found
names = (*CHAPTERS[0].claims, "one", "two", "three")
theory.claim.CHAPTERS = (replace(CHAPTERS[0], claims=names), *CHAPTERS[1:])
if __name__ == "__main__":
    from verify.all import main
    sys.exit(main())
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command line over three small claims, as a process in its own group."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(script), "--out", str(folder / "out"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def test_the_number_of_processes_does_not_show(tmp_path: Path) -> None:
    documents = []
    for jobs in ("1", "2"):
        process = start(tmp_path, "--json", "--jobs", jobs)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        document = json.loads(out)
        for entry in document["claims"]:
            del entry["seconds"]
        documents.append(document)
    assert documents[0] == documents[1]


@pytest.mark.parametrize("everyone", [False, True], ids=["parent", "group"])
def test_an_interrupt_keeps_earlier_results(tmp_path: Path, everyone: bool) -> None:
    earlier = {"report.json": "earlier", "report.html": "earlier too"}
    (tmp_path / "out").mkdir()
    for name, text in earlier.items():
        (tmp_path / "out" / name).write_text(text)
    (tmp_path / "wait").touch()
    process = start(tmp_path, "--jobs", "2")
    limit = time.monotonic() + 60
    while not (tmp_path / "working").exists() and time.monotonic() < limit:
        time.sleep(0.02)
    (os.killpg if everyone else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    lines = [line for line in err.splitlines() if line != "a stray line"]
    assert lines == ["python -m verify.all: interrupted; earlier results are kept"]
    kept = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert kept == earlier
    (tmp_path / "working").unlink()
    time.sleep(0.5)
    assert not (tmp_path / "working").exists(), "a worker went on"


def test_help_and_list_import_no_heavy_library() -> None:
    code = (
        "import sys; from verify.all import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*{'torch', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules), file=sys.stderr)"
    )
    for argument in ("--help", "--list", "--version", "--nonsense"):
        run = subprocess.run(
            [sys.executable, "-c", code, argument],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stderr.splitlines()[-1] == "", argument
