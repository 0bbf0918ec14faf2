"""Explain a trained network, weight by weight: python -m verify.network FILE

FILE is a checkpoint of the one-dimensional model (Conv1d, activation, pooling, Linear):
safetensors, or what torch.save made of a state_dict, alone or beside an optimizer and the like;
names may be anything. Filters are (K, 1, N), the readout is (1, K), biases (K) and (1), where there
are any. What weights do not say is read from the metadata of a safetensors file, or from options,
which come first.

A network for images, Conv2d with filters (K, 1, N, N), is asked for the radius of a centred
disk: what every filter measures, the area or the perimeter, by how much, and whether that explains
its answers. Its error is bounded at every radius, where that is not too much work.

For every weight: its role, the value that theory gives it, the residual, and what a change costs.
For the network: the three laws, the loss term by term, the worst error over every real radius, and
the nearest exact network. It is explained when it errs by no more than --tolerance pixels and an
exact network lies within --tolerance times its length. Networks that give the same answers have
one verdict: symmetries, and channels that idle or are split, change nothing.

Exit status: 0 explained, 1 not explained, 2 usage or a file that is not such a network (nothing is
written then), 3 the output could not be written or the machine failed, 130 interrupted.
"""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from theory.parser import Parser, printable
from theory.process import run
from verify.report.arguments import command_parser, named, working

if TYPE_CHECKING:
    from torch import Tensor, nn

    from verify.explain.value import ImageExplanation, SignalExplanation

__all__ = ["FILES", "IMAGE_FILES", "explain", "main"]

PROGRAM = "python -m verify.network"
FILES = ("network.json", "network.html", "certificate.json")
"""What ``--out`` writes; the certificate where σ is continuous and made of polynomials."""
IMAGE_FILES = FILES[:2]
"""The same for a network for images."""


def _tolerance(text: str) -> Fraction:
    good = re.fullmatch(r"\d{0,3}(\.\d{0,20})?(e-\d\d?)?", text, re.ASCII) and re.search(
        r"^\.?\d", text
    )
    value = Fraction(text) if good else Fraction(0)
    if not 0 < value <= 100:
        raise ArgumentTypeError(f"needs a number of pixels above 0, up to 100, not {text[:40]!r}")
    return value


def _parser(program: str) -> Parser:
    assert __doc__
    parser = command_parser(
        program,
        __doc__,
        *("words", "grades", "classes", "cells", "roles", "roles in images", "fails"),
    )
    add = parser.add_argument
    add("file", type=named("file"), metavar="FILE", help="the checkpoint")
    add(
        "--key",
        metavar="NAME",
        help="which network, where the file holds several: ema, state_dict.student",
    )
    add(
        "--activation",
        metavar="NAME",
        help="a name, nn.LeakyReLU(0.2), or an expression such as x*sigmoid(1.702*x)",
    )
    add("--activation-args", metavar="ARGS", help="its parameters: 0.2, or beta=5")
    add("--pooling", metavar="NAME", help="sum or mean over all positions (default: sum)")
    add("--padding", metavar="N", help="same, valid, or the pixels on each side (default: same)")
    add(
        "--padding-mode",
        metavar="NAME",
        help="zeros, circular, reflect or replicate (default: zeros)",
    )
    add("--length", metavar="N", help="pixels of the signal, or of the image per side, odd")
    add(
        "--r-min",
        metavar="R",
        help="the smallest radius, as 2.5 or 5/2 (default: half the taps; of images, the taps)",
    )
    add(
        "--r-max",
        metavar="R",
        help="the largest radius (default: so that the border never matters)",
    )
    add(
        "--tolerance",
        type=_tolerance,
        default=Fraction(1, 1000),
        metavar="T",
        help="in pixels, and as a share of its length (default: 0.001)",
    )
    add("--json", action="store_true", help="print one JSON object instead of the tables")
    add(
        "--out",
        type=named("folder"),
        metavar="DIR",
        help=f"also write {', '.join(FILES)} there; of a network for images no certificate",
    )
    add(
        "--repair",
        type=named("file"),
        metavar="OUT",
        help="write the nearest exact network, as safetensors; never over a file",
    )
    return parser


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser(program)
    options = parser.parse_args(arguments)
    from verify.explain.text import show
    from verify.explain.value import SignalExplanation, document
    from verify.report.render import json_text

    explanation = _explained(options, parser)
    # The repaired network first: where it cannot be put, nothing is written.
    repaired, certificate = "", ""
    if isinstance(explanation, SignalExplanation):
        if options.repair is not None:
            repaired = _repair(options.repair, explanation, parser)
        if options.out is not None:
            certificate = _certificate(explanation)
    step = _step_after(explanation.next_step, options, parser.prog, bool(certificate))
    explanation = replace(explanation, next_step=step)
    if options.out is not None:
        _write(options.out, explanation, certificate, parser)
    if options.json:
        print(json_text(document(explanation)), end="", flush=True)
    else:
        show(explanation)
        if repaired:
            print(repaired)
    return 0 if explanation.explained else 1


def explain(
    network: nn.Module | str | os.PathLike[str] | Mapping[str, Tensor],
    length: int | None = None,
    *,
    activation: str | None = None,
    pooling: str | None = None,
    padding: str | int | None = None,
    padding_mode: str | None = None,
    r_min: float | Fraction | str | None = None,
    r_max: float | Fraction | str | None = None,
    tolerance: float | Fraction | str = "0.001",
    key: str | None = None,
) -> SignalExplanation | ImageExplanation:
    """Explain a network: a live module, a file, or a state_dict.

    A module says its activation, pooling and padding itself, and is shown the radius at which it
    errs most. Of the others the arguments are those of the command; the metadata of a file come
    second. ``key`` says which network, where a file or a state_dict holds several.

    Raises
    ------
    TypeError: ``network`` or an argument is of another kind.
    ValueError: it is no network of the model, or a setting is missing or does not fit; one
        sentence. CheckpointError and OutsideTheorem are kinds of it.
    """
    from verify.explain.live.memory import explained

    given = {
        "activation": activation,
        "pooling": pooling,
        "padding": padding,
        "padding_mode": padding_mode,
        "length": length,
        "r_min": r_min,
        "r_max": r_max,
    }
    return explained(network, given, tolerance, key)


def _explained(options: Namespace, parser: Parser) -> SignalExplanation | ImageExplanation:
    """Read and explain the file, when all that is asked for can be put where it is to go."""
    from verify.explain.explainer import explainer, with_radii
    from verify.explain.replay import FileNetwork, confirmed
    from verify.models.checkpoint import read
    from verify.models.files import probe
    from verify.models.setup import KEYS, setup_of

    try:
        checkpoint = read(options.file, images=True, key=options.key)
        flat = checkpoint.w.ndim == 2
        said = {key: getattr(options, key) for key in (*KEYS, "activation_args")}
        checkpoint, settings = checkpoint.settled(said)
        if options.repair is not None and not flat:
            reason = "of a network for images no nearest exact one is known"
            parser.error(f"{options.file}: --repair is for signals; {reason}")
        setup = setup_of(settings, checkpoint.w.shape[1], images=not flat)
        too_much, explain = explainer(checkpoint)
        if refusal := too_much(checkpoint, setup):
            parser.error(f"{options.file}: {refusal}")
        if options.repair is not None:
            _free(options, parser)
        if options.out is not None:
            with _placing(options.out, parser):
                probe(options.out, FILES if flat else IMAGE_FILES)
        with working("explaining"):
            explanation = explain(
                checkpoint, setup, options.tolerance, printable(options.file.name)
            )
            explanation = with_radii(explanation, settings)
            return confirmed(explanation, FileNetwork(checkpoint, setup))
    except ValueError as error:  # a file or a setting that is not taken, or σ has no enclosure
        parser.error(f"{options.file}: {error}")


def _free(options: Namespace, parser: Parser) -> None:
    """Nothing stands where the repaired network is to go, and nothing else is to go there."""
    from verify.models.files import reason

    target: Path = options.repair
    try:
        target.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        parser.error(f"{target}: {reason(error)}")
    else:
        parser.error(f"{target}: it exists, and is not written over")
    if options.out is not None and target.absolute() in [
        (options.out / name).absolute() for name in FILES
    ]:
        parser.error(f"{target}: --out writes another file there")


@contextmanager
def _placing(place: Path, parser: Parser) -> Iterator[None]:
    """What cannot be put there ends the command, in one line."""
    from verify.models.files import reason

    try:
        yield
    except (OSError, ValueError) as error:
        parser.error(f"{place}: {reason(error)}")


def _step_after(step: str, options: Namespace, program: str, certified: bool) -> str:
    """What to do next, when what ``step`` asks for has just been written."""
    if "--repair OUT" in step and options.repair is not None:
        return f"explain what was written: {program} {quote(str(options.repair))}"
    if "--out DIR" in step and options.out is not None:
        if certified:
            checker = program.replace("network", "certificate")
            return f"check it: {checker} {quote(str(options.out / FILES[2]))}"
        return f"open {options.out / FILES[1]}"
    return step


def _certificate(explanation: SignalExplanation) -> str:
    """The text of the certificate, empty where there is none."""
    from verify.explain.certificate import certificate_of, certificate_text

    try:
        return certificate_text(certificate_of(explanation))
    except ValueError:
        return ""


def _write(
    folder: Path,
    explanation: SignalExplanation | ImageExplanation,
    certificate: str,
    parser: Parser,
) -> None:
    from verify.explain.page import page
    from verify.explain.value import document
    from verify.models.files import put_all
    from verify.report.render import json_text

    texts = [json_text(document(explanation)), page(explanation)]
    texts += [certificate] if certificate else []
    with _placing(folder, parser):
        put_all({folder / name: text.encode() for name, text in zip(FILES, texts, strict=False)})


def _repair(target: Path, explanation: SignalExplanation, parser: Parser) -> str:
    """Write the nearest exact network; what there is to say about it."""
    from verify.explain.repair import repaired
    from verify.models.files import put

    made = repaired(explanation)
    if made is None:
        print(
            f"{parser.prog}: --repair: {explanation.nearest.reason}; no network was written",
            file=sys.stderr,
        )
        return ""
    with _placing(target, parser):
        put(target, made.content, over=False)
    return f"{target}: {made.text}"


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
