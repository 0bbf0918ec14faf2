"""Whether a computation is independent of a law: the functions that it reaches by the names in its
code, and those that it enters while a column runs.

Functions go by dotted names, nested ones after those that hold them; a name stands for all below.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from verify.report.evidence import Judge

__all__ = ["entered", "foreign", "reached", "within"]

ROOT = Path(__file__).parent.parent
PACKAGES = tuple(f"{ROOT / package}/" for package in ("theory", "numerics", "verify"))

GIVEN = (
    # The signal: pulse, windows and disk, from their definitions.
    "numerics.pulse.sample",
    "numerics.disk.disk",
    "theory.pulse.signal.pulse",
    "theory.pulse.signal.pixel",
    "theory.pulse.signal.radius",
    "theory.pulse.network",
    # σ: the catalogue, its compiled rows, and those that the oracle writes a second time.
    "theory.expressions",
    "numerics.arithmetic.compile.activation",
    "numerics.arithmetic.compile._elementwise",
    "numerics.arithmetic.compile.<lambda>",
    "numerics.arithmetic.compile._logistic",
    "numerics.arithmetic.compile._softplus",
    "numerics.arithmetic.compile._silu_slope",
    "numerics.arithmetic.compile._mish_slope",
    "numerics.arithmetic.compile._exp",
    "numerics.arithmetic.oracle.shifted",
    "numerics.arithmetic.walk",
    "verify.shape.claims.span.<lambda>",
    # Numbers and their rounding.
    "numerics.arithmetic.numbers",
    "verify.shape.claims.asymptotes._ball",
    "numerics.arithmetic.rounding",
    # What is asked, and what keeps the answers.
    "verify.disk.differences.networks_of_each",
    "verify.invariance.background_training.Scene",
    "verify.invariance.contrast_training.data",
    "verify.invariance.contrast_training._half_length",
    "verify.models.problem",
    "verify.report.lab",
    "verify.report.verdict",
)
"""What both sides may enter: the definitions, and the harness."""


def within(name: str, names: Iterable[str]) -> bool:
    """Whether a function is one of those, or nested in one."""
    return any(name == given or name.startswith(f"{given}.") for given in names)


def _name(code: CodeType) -> str:
    """The dotted name of a function of the project; empty for others."""
    if not code.co_filename.startswith(PACKAGES):
        return ""
    path = Path(code.co_filename).relative_to(ROOT).with_suffix("")
    parts = path.parts[:-1] if path.name == "__init__" else path.parts
    return ".".join((*parts, code.co_qualname))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _ours(module: ModuleType | None) -> bool:
    return str(getattr(module, "__file__", None)).startswith(PACKAGES)


def _functions(thing: Any) -> Iterator[FunctionType]:
    """The functions that a value stands for: itself, what it wraps, methods, parts."""
    for wrapped in ("__wrapped__", "__func__", "fget", "func"):
        thing = getattr(thing, wrapped, thing)
    if isinstance(thing, FunctionType):
        yield thing
    elif isinstance(thing, ModuleType):
        parts = vars(thing).values()
        own = [part for part in parts if getattr(part, "__module__", None) == thing.__name__]
        yield from (function for part in own for function in _functions(part))
    elif isinstance(thing, type):
        if _ours(sys.modules.get(thing.__module__)):
            yield from (function for part in vars(thing).values() for function in _functions(part))
    elif isinstance(thing, Mapping | tuple | list):
        parts = thing.values() if isinstance(thing, Mapping) else thing
        yield from (function for part in parts for function in _functions(part))
    elif dataclasses.is_dataclass(thing):
        yield from _functions(list(vars(thing).values()))


def _modules(scope: dict[str, Any], words: set[str]) -> list[dict[str, Any]]:
    """What modules of the project hold that these words name in a scope."""
    named = (scope[word] for word in words & scope.keys())
    return [vars(part) for part in named if isinstance(part, ModuleType) and _ours(part)]


def reached(things: Iterable[Any]) -> set[str]:
    """The functions of the project behind any name in the code of these, in the code of those, and
    so on; that a name stands there is enough.
    """
    coming = [function for thing in things for function in _functions(thing)]
    names: dict[CodeType, str] = {}
    while coming:
        function = coming.pop()
        name = _name(function.__code__)
        if not name or function.__code__ in names:
            continue
        names[function.__code__] = name
        words = {word for code in _nested(function.__code__) for word in code.co_names}
        for scope in (function.__globals__, *_modules(function.__globals__, words)):
            for word in words & scope.keys():
                if not isinstance(scope[word], ModuleType):
                    coming += _functions(scope[word])
        for cell in function.__closure__ or ():
            coming += _functions(cell.cell_contents)
    return set(names.values())


def foreign(names: Iterable[str], law: Any, shared: Iterable[str]) -> set[str]:
    """Those that are neither shared nor given; the law's own functions are not given."""
    own = {_name(function.__code__) for function in _functions(law)}
    others = {name for name in names if not within(name, shared)}
    return {name for name in others if name in own or not within(name, GIVEN)}


@dataclasses.dataclass
class _Watch:
    """Of every call its code, by whether a judge had been entered by then and not left."""

    files: set[str]
    codes: set[CodeType]
    inside: set[CodeType] = dataclasses.field(default_factory=set)
    outside: set[CodeType] = dataclasses.field(default_factory=set)
    first: FrameType | None = None

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            code = frame.f_code
            if self.first is not None:
                self.inside.add(code)
            elif code in self.codes or code.co_filename in self.files:
                self.first = frame
                self.inside.add(code)
            else:
                self.outside.add(code)
        elif event == "return" and frame is self.first:
            self.first = None


def entered(judge: Judge, run: Callable[[], Any]) -> tuple[set[str], set[str]]:
    """The functions of the project that ``run`` enters below the judge's, and all others."""
    things = [resolve_name(name) for name in judge.by]
    files = {str(thing.__file__) for thing in things if isinstance(thing, ModuleType)}
    own = [thing for thing in things if not isinstance(thing, ModuleType)]
    codes = {code for f in _functions(own) for code in _nested(f.__code__)}
    watch = _Watch(files, codes)
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(None)
    inside, outside = ({*map(_name, codes)} - {""} for codes in (watch.inside, watch.outside))
    return inside, outside
