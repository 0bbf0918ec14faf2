"""The command line: options, exit statuses, streams, and what an interrupt leaves."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.columns import JUDGES
from theory.claim import CHAPTERS, Claim, Proof, Step, Wrong
from verify import all as command
from verify.pulse import census
from verify.report.evidence import Evidence
from verify.report.lab import PROFILES
from verify.report.verdict import column
from verify.work.executor import ENVIRONMENT, Serial

ROOT = Path(__file__).parent.parent


def made(name: str, **parts: Any) -> Claim:
    """A claim that the law is 1, with modules of its own, which offer ``parts`` too."""
    claim = Claim(name, f"The claim {name}", "x = 1", (), 1, prove, (Wrong("a sign", -1),))
    evidence = Evidence(**{"check": distance, "train": distance, "judges": JUDGES, **parts})
    for path, constant in (
        (f"theory.pulse.{name}", claim),
        (f"verify.pulse.claims.{name}", evidence),
    ):
        module = ModuleType(path)
        vars(module)["CLAIM" if constant is claim else "EVIDENCE"] = constant
        sys.modules[path] = module
    return claim


def prove(law: Any) -> Proof:
    """One step: the law is 1."""
    return Proof((Step("only", law == 1),), "one case")


def distance(law: Any, lab: Any) -> Any:
    """How far a law is from 1, and a little noise that depends on the seed."""
    return column(abs(law - 1) + 1e-9 * lab.rng("noise").random(), 1e-6, "distance from 1")


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Replaces the story, keeps the work in this process, and forgets the modules made."""

    def use(*invented: Claim) -> None:
        names = tuple(claim.id for claim in invented)
        monkeypatch.setattr(command, "order", lambda: tuple(("pulse", name) for name in names))
        first, *others = CHAPTERS
        longer = replace(first, claims=tuple(dict.fromkeys((*first.claims, *names))))
        monkeypatch.setattr("theory.claim.CHAPTERS", (longer, *others))

    monkeypatch.setattr("verify.work.executor.open_executor", lambda *_: nullcontext(Serial()))
    before = dict(sys.modules)
    yield use
    for name in [name for name in sys.modules if re.match(r"(theory|verify)\.pulse\.", name)]:
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
    assert "figure ≤ tolerance; proof: open steps; control: wrong laws that are not" in out
    assert err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "report.json",
        "store",
    ]
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["summary"]["holds"]


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
    assert not json.loads((tmp_path / "report.json").read_text("utf-8"))["summary"]["holds"]


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
        lambda kind, jobs, scheduler: asked.append(jobs) or nullcontext(Serial()),
    )
    monkeypatch.setattr("verify.report.arguments.cores", lambda: 3)
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
        dates = [claim.pop("kept") for claim in runs[-1]["claims"]]
        assert [date is not None for date in dates] == [len(runs) == 2]
    assert runs[0] == runs[1]  # only the seconds and the date differed
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
        ["--executor", "cloud"],
        ["--executor", "dask", "--scheduler", "nowhere"],
        ["--scheduler", "tcp://127.0.0.1:8786"],
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


def test_a_full_disk_is_found_before_the_work(
    claims: Callable[..., None], tmp_path: Path, capsys: Any
) -> None:
    """It took a file without content, and the report did not fit."""
    bad = made("bad", check=lambda law, lab: pytest.fail("the work had begun"))
    claims(bad)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        assert "cannot write to" in refused(["--out", str(tmp_path)], capsys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_report_that_cannot_be_put_in_its_place_is_shown_first(
    claims: Callable[..., None], tmp_path: Path, capsys: Any
) -> None:
    def taken(law: Any, lab: Any) -> Any:
        (tmp_path / "report.html").mkdir(exist_ok=True)
        return distance(law, lab)

    bad = made("bad", check=taken)
    claims(bad)
    with pytest.raises(SystemExit) as end:
        command.main(["--out", str(tmp_path)])
    out, err = capsys.readouterr()
    assert end.value.code == 2 and err.count("\n") == 1 and "cannot write to" in err
    assert "1 claim holds: 1 verified." in out


def test_a_kept_verdict_says_so(claims: Callable[..., None], tmp_path: Path, capsys: Any) -> None:
    """In the table, in the JSON and on the page, until the run is a fresh one."""
    claims(made("one"))
    for more, kept in (([], False), ([], True), (["--fresh"], False), ([], True)):
        assert command.main(["--out", str(tmp_path), *more]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        (date,) = (
            each["kept"]
            for each in json.loads((tmp_path / "report.json").read_text("utf-8"))["claims"]
        )
        assert (date is not None) is kept
        day = f"of {date[:10]} {date[11:16]}" if date else "of 20"
        assert (
            (day in out)
            is ("1 of an earlier run of this code; --fresh examines again" in out)
            is kept
        )
        assert ("of an earlier run, 20" in (tmp_path / "report.html").read_text("utf-8")) is kept


def test_a_profile_for_some_claims_says_so(
    claims: Callable[..., None], tmp_path: Path, capsys: Any
) -> None:
    """In the table, in the JSON and on the page."""
    assert [head for head, _ in listed(capsys, "--profile", "smoke")] == [
        f"{CHAPTERS[0].title} · pulse/"
    ]
    assert "--profile smoke is for pulse/ alone" in refused(
        ["--profile", "smoke", "--only", "flow"], capsys
    )
    claims(made("one"))
    for profile, note in (("smoke", PROFILES["smoke"].note), ("quick", "")):
        assert command.main(["--profile", profile, "--out", str(tmp_path)]) == 0
        assert ("A first look" in capsys.readouterr().out) is bool(note)
        assert json.loads((tmp_path / "report.json").read_text("utf-8"))["note"] == note
        assert ("A first look" in (tmp_path / "report.html").read_text("utf-8")) is bool(note)


def test_the_huge_profile_counts_the_census(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Its file holds what it prints; a network that is not explained makes it fail."""
    few = replace(PROFILES["huge"], networks=2)
    monkeypatch.setattr(command, "PROFILES", {**PROFILES, "huge": few})
    arguments = ["--profile", "huge", "--executor", "serial", "--out", str(tmp_path)]
    assert command.main(arguments) == 0
    shown = capsys.readouterr().out
    document = json.loads((tmp_path / "census.json").read_text("utf-8"))
    assert document["blocks"] == 1 and len(document["settings"]) == 24
    assert all(sum(row["kinds"].values()) == 2 for row in document["settings"])
    assert few.note in shown and shown.count("leaky_relu") == 6
    assert not (tmp_path / "report.json").exists()
    assert command.main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == document
    monkeypatch.setattr(census, "explained", lambda *_: False)
    assert command.main([*arguments, "--fresh"]) == 1
    assert capsys.readouterr().out.count("Stray(") == 48
    assert "--profile huge is for endings alone" in refused(
        ["--profile", "huge", "--only", "flow"], capsys
    )


# --- in a process of its own ------------------------------------------------------------------

SCRIPT = """
import sys, time
import theory.claim, verify.all
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from theory.claim import CHAPTERS, Claim, Proof, Step, Wrong
from verify.report.evidence import Evidence, Judge, Judges
from verify.report.verdict import column

def check_of(name):
    def check(law, lab):
        print("a stray line")
        time.sleep(Path(__file__).with_name("slow").exists())
        mark = Path(__file__).with_name("wait for " + name)
        while mark.exists() and law == 1:
            mark.with_name("working").touch()
            time.sleep(0.02)
        return column(abs(law - 1) + 1e-9 * lab.rng("x").random(), 1e-6, "distance")
    return check

NAMES = "one", "two", "three"
for name in NAMES:
    theory_module = ModuleType("theory.pulse." + name)
    proof = lambda law: Proof((Step("only", law == 1),), "one case")
    theory_module.CLAIM = Claim(name, name, "x = 1", (), 1, proof, (Wrong("a sign", -1),))
    module = ModuleType("verify.pulse.claims." + name)
    module.EVIDENCE = Evidence(check_of(name), check_of(name), Judges(*[Judge("")] * 3))
    sys.modules |= {each.__name__: each for each in (theory_module, module)}
theory.claim.CHAPTERS = (replace(CHAPTERS[0], claims=(*CHAPTERS[0].claims, *NAMES)), *CHAPTERS[1:])
verify.all.order = lambda: tuple(("pulse", name) for name in NAMES)
if __name__ == "__main__":
    from theory.process import run
    sys.exit(run("verify.all", verify.all.main))
"""


def start(folder: Path, *arguments: str, out: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """The command line over three small claims, as a process in its own group."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(SCRIPT), "utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "160"}
    return subprocess.Popen(
        [sys.executable, str(script), "--out", str(folder / "out"), *arguments],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def test_who_does_the_work_does_not_show(tmp_path: Path) -> None:
    """Nor how many: claims end in another order."""
    documents = []
    for words in ("serial", "processes --jobs 2", "dask --jobs 2"):
        process = start(tmp_path, "--fresh", "--executor", *words.split())
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "3 verified" in out and "a stray line" in err
        documents.append(results(tmp_path))
    assert documents == [documents[0]] * 3


@pytest.mark.slow
def test_a_serial_run_has_the_environment_of_processes(tmp_path: Path) -> None:
    """It took the threads and the hash seed of its caller, and figures differed in their last
    digits.
    """
    environment = {k: x for k, x in os.environ.items() if k not in ENVIRONMENT}
    documents = []
    for kind in ("serial", "processes"):
        words = [
            "--executor",
            kind,
            "--only",
            "staircase",
            "--fresh",
            "--out",
            str(tmp_path / "out"),
        ]
        command = [sys.executable, "-m", "verify.all", *words]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        documents.append(results(tmp_path))
    assert documents[0] == documents[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
@pytest.mark.parametrize("everyone", [False, True], ids=["parent", "group"])
def test_an_interrupt_shows_what_is_done_and_keeps_earlier_results(
    tmp_path: Path, everyone: bool, number: int
) -> None:
    earlier = {"report.json": "earlier", "report.html": "earlier too"}
    (tmp_path / "out").mkdir()
    for name, text in earlier.items():
        (tmp_path / "out" / name).write_text(text, "utf-8")
    (tmp_path / "wait for two").touch()
    process = start(tmp_path, "--jobs", "1")
    assert within(60, (tmp_path / "working").exists)
    (os.killpg if everyone else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [line.split()[:3] for line in out.splitlines()[2:5]] == [
        ["one", "✓", "0"],
        ["two", "not", "examined"],
        ["three", "not", "examined"],
    ]
    assert out.endswith("\nInterrupted: 1 claim of 3 was examined.\n")
    lines = [line for line in err.splitlines() if line != "a stray line"]
    assert lines == ["python -m verify.all: interrupted; the same command goes on from here"]
    assert {name: (tmp_path / "out" / name).read_text("utf-8") for name in earlier} == earlier
    (tmp_path / "working").unlink()
    time.sleep(0.5)
    assert not (tmp_path / "working").exists(), "a worker went on"


def results(folder: Path) -> Any:
    """report.json, less what may differ between two runs."""
    document = json.loads((folder / "out" / "report.json").read_text("utf-8"))
    for entry in document["claims"]:
        del entry["seconds"], entry["training_seconds"], entry["kept"]
    return document


def killed_and_resumed(folder: Path, moments: Sequence[Callable[[], bool]]) -> None:
    """Runs that are killed at these moments, each going on from the one before, and at last one to
    the end.
    """
    for moment in moments:
        process = start(folder, "--jobs", "2")
        within(60, moment)
        process.kill()
        process.communicate(timeout=60)


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    for name in ("killed", "undisturbed"):
        (tmp_path / name).mkdir()
    (tmp_path / "killed" / "wait for two").touch()
    kept = (tmp_path / "killed" / "out" / "store").glob
    killed_and_resumed(tmp_path / "killed", [lambda: len(list(kept("*.task"))) == 2])
    (tmp_path / "killed" / "wait for two").unlink()
    for name, earlier in (("killed", 2), ("undisturbed", 0)):
        out, err = start(tmp_path / name, "--jobs", "2").communicate(timeout=60)
        assert out.count(" of 20") == earlier and "3 verified" in out, err
    assert results(tmp_path / "killed") == results(tmp_path / "undisturbed")


@pytest.mark.parametrize(
    "moments",
    [pytest.param(5, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.thorough)],
)
def test_killed_at_random_moments_it_ends_as_if_undisturbed(tmp_path: Path, moments: int) -> None:
    for name in ("killed", "undisturbed"):
        (tmp_path / name).mkdir()
    rng = random.Random(0)

    def after(seconds: float) -> Callable[[], bool]:
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end

    (tmp_path / "killed" / "slow").touch()
    for _ in range(moments):
        killed_and_resumed(tmp_path / "killed", [after(rng.uniform(0, 8))])
    for name in ("killed", "undisturbed"):
        out, err = start(tmp_path / name, "--jobs", "2").communicate(timeout=120)
        assert "3 verified" in out and err.replace("a stray line", "").split() == []
    assert results(tmp_path / "killed") == results(tmp_path / "undisturbed")


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something holds before that time is over."""
    limit = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < limit:
        time.sleep(0.02)
    return found


class Terminal:
    """What a process writes to a pseudo terminal."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.text = ""

    def shows(self, *words: str) -> bool:
        """Whether all the words have appeared, in this order."""
        with suppress(OSError):  # nothing new, or the end
            text = os.read(self.master, 2**16).decode(errors="replace")
            self.text += re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)
        return bool(re.search(".*".join(map(re.escape, words)), self.text, re.DOTALL))


def test_a_terminal_shows_rows_in_story_order_as_claims_end(tmp_path: Path) -> None:
    """It showed a bar until all were done."""
    for name in ("one", "two"):
        (tmp_path / f"wait for {name}").touch()
    terminal = Terminal()
    process = start(tmp_path, "--jobs", "2", out=terminal.slave)
    assert within(60, lambda: terminal.shows("one, two · 0 of 3 done"))
    (tmp_path / "wait for two").unlink()
    assert within(60, lambda: terminal.shows("one · 2 of 3 done, 2 wait for one", "s left"))
    assert "verified" not in terminal.text
    (tmp_path / "wait for one").unlink()
    ends = "Every one of 3 claims holds: 3 verified."
    assert within(60, lambda: terminal.shows("claim", "  one", "  two", "  three", ends, ".html"))
    assert len(re.findall(r"verified +\d", terminal.text)) == 3, "a row came twice"
    assert process.wait(timeout=60) == 0
    process.communicate()


def test_an_interrupt_on_a_terminal_repeats_no_row(tmp_path: Path) -> None:
    (tmp_path / "wait for two").touch()
    terminal = Terminal()
    process = start(tmp_path, "--jobs", "2", out=terminal.slave)
    assert within(
        60, lambda: terminal.shows("  one", "verified", "two · 2 of 3 done, 1 waits for two")
    )
    process.send_signal(signal.SIGINT)
    ends = "Interrupted: 2 claims of 3 were examined."
    assert within(60, lambda: terminal.shows("  two", "not examined", "  three", "verified", ends))
    assert len(re.findall(r"verified +\d", terminal.text)) == 2
    assert process.wait(timeout=60) == 130
    process.communicate()


HEAVY = {"torch", "sympy", "matplotlib", "scipy", "numpy", "flint", "mpmath", "jinja2", "rich"}
ANSWERED_AT_ONCE = [
    *(("all", argument) for argument in ("--list", "--version", "--nonsense")),
    *(
        (name, "--help")
        for name in ("all", "network", "predict", "train", "certificate", "mutants")
    ),
]


@pytest.mark.parametrize(("name", "argument"), ANSWERED_AT_ONCE, ids=" ".join)
def test_an_answer_that_needs_no_library_imports_none(name: str, argument: str) -> None:
    """--list imported sympy for the titles, and took a second."""
    code = (
        f"import sys; from verify.{name} import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        f"print(*{HEAVY} & set(sys.modules), file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, argument], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stderr.splitlines()[-1] == ""
