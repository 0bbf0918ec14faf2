"""The kernel's checker of certificates agrees with the package's, and its proof bites."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from numerics.certificates import checker, kernel
from numerics.certificates.checker import Rejected, canonical
from tests.certified import RELU, Document, changed, in_bytes, made
from tests.proofs.conftest import needs_coq
from tests.pulse.test_exact_error import THREE, _simulated

F = Fraction
LINEAR = ("abs", "hardsigmoid", "hardtanh", "identity", "leaky_relu", "relu", "relu6", "softshrink")


def _random(rng: random.Random) -> Document:
    """The certificate of a random piecewise-linear network over a random interval."""
    taps = rng.choice((1, 3, 5))
    channels, half_length = rng.randint(1, 3), rng.randint(taps // 2 + 1, 6)

    def number() -> F:
        return F(rng.randint(-16, 16), rng.choice((1, 2, 3, 8)))

    def row(size: int) -> list[F]:
        return [number() for _ in range(size)]

    mode = rng.choice(("valid", "zeros", "circular", "reflect", "replicate"))
    pixels = rng.randint(0, min(2 * half_length, taps + 1))
    padding = mode if mode == "valid" or rng.random() < 0.5 else f"{mode} {pixels}"
    weights = [[row(taps) for _ in range(channels)], row(channels), row(channels)]
    low, high = sorted(F(1, 2) + half_length * F(k, 24) for k in rng.sample(range(25), 2))
    return made((rng.choice(LINEAR), padding, half_length, weights, number()), low, high)


def _rejection(content: bytes) -> str | None:
    """Why the package's checker rejects a certificate, in the words of the kernel's."""
    try:
        checker.check(content)
    except Rejected as error:
        return re.sub(" between .*", "", str(error).replace("σ", "the activation"))
    return None


def _rejections(contents: Sequence[bytes]) -> list[str | None]:
    """Why the kernel's checker rejects these, 500 of them by one coqc."""
    if len(contents) > 500:
        return _rejections(contents[:500]) + _rejections(contents[500:])
    reasons: dict[int, str | None] = {}
    given: dict[int, str] = {}
    for number, content in enumerate(contents):
        try:
            given[number] = kernel.instance(content)
        except Rejected as error:
            reasons[number] = f"unread: {error}"
    lines = [f"Definition c{k} : certificate := {term}." for k, term in given.items()]
    names = "; ".join(f"c{k}" for k in given)
    asked = f"Eval vm_compute in map rejection [{names}]."
    answer = kernel.run("\n".join([kernel.HEADER, *lines, asked]))
    assert (answer.returncode, answer.stderr) == (0, "")
    found = re.findall(r'None|Some "([^"]*)"', " ".join(answer.stdout.split()))
    reasons |= {k: reason or None for k, reason in zip(given, found, strict=True)}
    return [reasons[k] for k in range(len(contents))]


def _samples(rng: random.Random, count: int) -> list[Document]:
    """Certificates of some networks of every padding, and of random ones."""
    return [
        made(RELU, F(1, 2), F(9, 2)),
        made(("abs", "reflect", 4, THREE, F(1, 3)), F(1), F(7, 2)),
        made(("hardtanh", "replicate 2", 4, THREE, F(1, 3)), F(1), F(9, 2)),
        made(("relu", "circular", 3, THREE, F(0)), F(2, 3), F(7, 2)),
        *(_random(rng) for _ in range(count)),
    ]


def _nudged(document: Document) -> Iterator[Document]:
    """The certificate with one number of what it claims moved by one of four small steps."""
    places = [("claim", key, k) for key in document["claim"] for k in range(2)]
    places += [("evidence", "radius", None), ("domain", "low", None), ("domain", "high", None)]
    for part, key, k in places:
        for step in (F(1, 2**64), F(-1, 2**64), F(1, 2**300), F(-1, 2**300)):
            moved = copy.deepcopy(document)
            ends = moved[part][key]
            if k is None:
                moved[part][key] = str(F(ends) + step)
            else:
                ends[k] = str(F(ends[k]) + step)
            yield {**moved, "digest": canonical(moved)}


def _contents(samples: Sequence[Document], changes: int, rng: random.Random) -> list[bytes]:
    """The samples, nudged ones and changed ones, without those whose σ gets a degree above 1."""
    nudged = [x for k, sample in enumerate(samples) for x in [*_nudged(sample)][k % 4 :: 4]]
    texts = [changed(samples, rng).encode() for _ in range(changes)]
    return [*map(in_bytes, [*samples, *nudged]), *filter(_linear, texts)]


def _linear(content: bytes) -> bool:
    try:
        kernel.instance(content)
    except kernel.Undecided:
        return False
    except Rejected:
        pass
    return True


# --- without coqc -------------------------------------------------------------------------------


def test_an_instance_has_the_numbers_of_the_file_in_their_order() -> None:
    document = made(("hardtanh", "reflect 2", 4, THREE, F(-1, 3)), F(1), F(7, 2))
    term = kernel.instance(in_bytes(document))
    net, claim = document["network"], document["claim"]
    sigma = net["activation"]
    numbers = [
        *sigma["breaks"],
        *(x for piece in sigma["pieces"] for x in [*piece, "0"][:2]),
        *(tap for row in net["filters"] for tap in row),
        *net["biases"],
        *net["readout"],
        net["offset"],
        document["domain"]["low"],
        document["domain"]["high"],
        *(end for ends in (claim["worst"], claim["mean"], claim["mean_square"]) for end in ends),
        document["evidence"]["radius"],
    ]
    written = [F(int(p), int(q)) for p, q in re.findall(r"\((-?\d+) # (\d+)\)", term)]
    assert written == [F(x) for x in numbers]
    assert "half_length := (4)%Z;\n  mode := Reflect;\n  pixels := Some 2%Z;" in term


def test_what_the_kernel_s_checker_is_not_for() -> None:
    with pytest.raises(kernel.Undecided, match="σ has a piece of degree 3"):
        kernel.instance(in_bytes(made(("cube", "zeros", 3, THREE, F(0)), F(1, 2), F(3))))
    long = made(("relu", "zeros", 10**5, THREE, F(0)), F(1, 2), F(50))
    with pytest.raises(kernel.Undecided, match="at most 10000000 taps"):
        kernel.instance(in_bytes(long))


def test_without_coqc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(kernel.Undecided, match="apt install coq"):
        kernel.version()


# --- with coqc ----------------------------------------------------------------------------------


def _agree(count: int, changes: int, seed: int = 0) -> tuple[int, int]:
    """Both checkers on so many certificates and changes; how many were accepted and rejected."""
    rng = random.Random(seed)
    contents = _contents(_samples(rng, count), changes, rng)
    wanted = [_rejection(content) for content in contents]
    for content, reason, other in zip(contents, wanted, _rejections(contents), strict=True):
        unread = other is not None and other.startswith("unread")
        assert reason is not None if unread else reason == other, content
    accepted = wanted.count(None)
    assert accepted >= count + 4
    return accepted, len(wanted) - accepted


@needs_coq
@pytest.mark.slow
def test_both_checkers_agree() -> None:
    accepted, rejected = _agree(6, 100)
    assert accepted > 10 and rejected > 100


@needs_coq
@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(1, 4))
def test_both_checkers_agree_on_thousands(seed: int) -> None:
    accepted, rejected = _agree(200, 3000, seed)
    assert accepted > 204 and rejected > 3000


def _answer(document: Document, r: Fraction) -> Fraction:
    """What the network of a certificate answers, by the double sum over positions and taps."""
    net, domain = document["network"], document["domain"]
    breaks = [F(t) for t in net["activation"]["breaks"]]
    pieces = [[F(x) for x in piece] for piece in net["activation"]["pieces"]]

    def sigma(z: F) -> F:
        return sum(x * z**j for j, x in enumerate(pieces[sum(t < z for t in breaks)]))

    w = [[F(x) for x in row] for row in net["filters"]]
    b, a = ([F(x) for x in net[name]] for name in ("biases", "readout"))
    half_length, padding = int(domain["half_length"]), domain["padding"]
    return r + _simulated(sigma, w, b, a, F(net["offset"]), r, half_length, padding)


@needs_coq
@pytest.mark.slow
def test_the_definition_in_coq_is_the_network() -> None:
    """At radii inside cells and on their borders; a proof cannot say that."""
    rng = random.Random(0)
    asked = [(sample, F(1, 2) + F(rng.randint(0, 24), 6)) for sample in _samples(rng, 40)]
    terms = (f"{kernel.instance(in_bytes(x))} ({r.numerator} # {r.denominator})" for x, r in asked)
    source = kernel.SOURCE.with_name("CertificateRationals.v").read_text(encoding="utf-8")
    lines = (f"Eval vm_compute in let q := answer {x} in (Qnum q, Zpos (Qden q))." for x in terms)
    printed = kernel.run("\n".join([source, "Open Scope Q_scope.", *lines]))
    assert (printed.returncode, printed.stderr) == (0, "")
    answers = [
        F(int(p), int(q)) for p, q in re.findall(r"= \(\(?(-?\d+)\)?%Z, (\d+)%Z", printed.stdout)
    ]
    assert answers == [_answer(sample, r) for sample, r in asked]


@needs_coq
def test_the_theorem_needs_no_axiom() -> None:
    answer = kernel.run(f"{kernel.HEADER}Print Assumptions check_sound.\n")
    assert (answer.returncode, answer.stdout.strip()) == (0, kernel.NO_AXIOMS)


@needs_coq
@pytest.mark.slow
def test_over_the_real_numbers_it_needs_their_axioms_only() -> None:
    source = kernel.SOURCE.with_name("CertificateReals.v").read_text(encoding="utf-8")
    answer = kernel.run(f"{source}\nPrint Assumptions check_sound_reals.\n")
    assert answer.returncode == 0
    assert set(re.findall(r"^(\w+\.\w+)", answer.stdout, re.MULTILINE)) == {
        "ClassicalDedekindReals.sig_not_dec",
        "ClassicalDedekindReals.sig_forall_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }


@needs_coq
def test_an_axiom_is_no_acceptance(monkeypatch: pytest.MonkeyPatch) -> None:
    assumed = kernel.HEADER + "Axiom sound : False.\n"
    monkeypatch.setattr(kernel, "accepting", lambda _: f"{assumed}Print Assumptions sound.\n")
    document = made(RELU, F(1, 2), F(9, 2))
    with pytest.raises(kernel.KernelError, match="decided nothing"):
        kernel.decide(kernel.instance(in_bytes(document)))


DEFINITIONS, PROOF, _ = kernel.SOURCE.read_text(encoding="utf-8").partition("(** ** Proof: ")
"""What the checker and the network are, without the proof that follows."""


def _altered(
    source: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Replace a text that occurs once in Certificate.v, for this test."""
    assert source.count(old) == 1
    (tmp_path / "Certificate.v").write_text(source.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(kernel, "SOURCE", tmp_path / "Certificate.v")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Eq => (start, qadd w slope)", "Eq => (qadd w start, slope)"),
        ("(Z.leb from 0 && Z.leb to 0)", "(Z.leb from 0 || Z.leb to 0)"),
        ("(a * qadd p (q * start)) constant, moving)", "(a * p) constant, moving)"),
        ("inject_Z m - (1 # 2) in\n          let rise", "inject_Z m in\n          let rise"),
        ("Qeq_bool lowest (from p) &&", "true &&"),
        ("Qle_bool (Qabs (at_ p (to p))) bound", "true"),
        ("Qle_bool (from p) r && Qle_bool r (to p) && Qeq_bool", "Qle_bool (from p) r && Qeq_bool"),
        ("(y * y)) * (1 # 3)", "(y * y)) * (1 # 2)"),
        ("floor else (floor + 1)", "floor else floor"),
        ("Qeq_bool (qvalue p t) (qvalue q t)", "true"),
        ("strictly x y && increasing more", "increasing more"),
        ("Qeq_bool (fst (worst c)) (snd (worst c))", "true"),
        ("if Qeq_bool q scaled then scaled else q", "scaled"),
    ],
)
def test_a_checker_that_is_wrong_has_no_proof(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _altered(kernel.SOURCE.read_text(encoding="utf-8"), old, new, monkeypatch, tmp_path)
    with pytest.raises(kernel.KernelError, match="cannot compile its checker") as error:
        kernel.run("")
    place = re.search(r"line (\d+)", str(error.value))
    assert PROOF and place is not None and int(place[1]) > DEFINITIONS.count("\n")


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("then 2 * L - j else", "then 2 * L + 1 - j else"),
        ("(j + L) mod (2 * L + 1) - L", "(j + L) mod (2 * L + 1) - L - 1"),
        ("range (- reach) (Z.to_nat (2 * reach + 1))", "range (- reach) (Z.to_nat (2 * reach))"),
        ("| None, _ => half_taps c", "| None, _ => 0"),
        (
            "Definition taps (c : certificate) : Z :=",
            "Definition taps (c : certificate) : Z := 2 +",
        ),
    ],
)
def test_a_network_that_is_defined_otherwise_is_found(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The proof cannot tell what a network is; that both checkers agree does."""
    _altered(DEFINITIONS, old, new, monkeypatch, tmp_path)
    with pytest.raises(AssertionError, match="everyweight-certificate"):
        _agree(2, 10)
