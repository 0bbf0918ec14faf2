r"""From sympy to JavaScript: laws that are traced with symbols, and printed in the arithmetic of
floats or of fractions.

A law is a Python function of numbers, lists of numbers and functions of one number.  Called with
symbols it gives expressions; their common parts are shared; what remains is printed as one function
of ECMAScript 2022:

    float      a*b + 1/2, Math.sqrt(x): numbers of the language, float64
    fraction   add(mul(a, b), ratio(1n, 2n)): calls of functions that the caller brings, on exact
               numbers

    members    the same calls, with those of exp, tanh, … among them: any arithmetic that the caller
               brings

All are printed from the same expressions, so whoever has seen one has seen the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.jscode import JavascriptCodePrinter
from sympy.printing.str import StrPrinter

__all__ = ["FRACTION", "Law", "function", "leaves", "traced"]

Arithmetic = Literal["float", "fraction", "members"]
FRACTION = ("add", "mul", "div", "neg", "power", "ratio", "abs", "max", "min")
"""What the arithmetic of fractions has to bring, as members of ``f``; the first two take any number
of terms.
"""

FLOATS = {
    "allow_unknown_functions": True,
    "user_functions": {name: name for name in ("Logistic", "Softplus", "erf")},
}
"""Undefined functions are arguments of the law; these three are members of the page's module of
numbers.
"""


class _Floats(JavascriptCodePrinter):
    """Numbers of the language; a step at its place is 1/2, as everywhere in the package."""

    def _print_Symbol(self, expression: sp.Symbol) -> str:
        return _name(expression)

    def _print_Rational(self, expression: sp.Rational) -> str:
        if max(abs(expression.p), expression.q) < 2**53:
            return str(super()._print_Rational(expression))
        return repr(float(expression))

    def _print_Heaviside(self, expression: sp.Expr) -> str:
        step, at = map(self._print, expression.args)
        return f"({step} > 0 ? 1 : {step} < 0 ? 0 : {at})"

    def _print_Pow(self, expression: sp.Expr) -> str:
        base, exponent = expression.as_base_exp()
        if exponent in (2, 3) and base.is_Symbol:
            return f"({'*'.join([self._print(base)] * int(exponent))})"
        return str(super()._print_Pow(expression))


class _Rationals(StrPrinter):
    """Calls of the members of ``f``, for rational expressions with |.|, max and min."""

    def _print_Symbol(self, expression: sp.Symbol) -> str:
        return _name(expression)

    def _print_Rational(self, expression: sp.Rational) -> str:
        return f"f.ratio({expression.p}n, {expression.q}n)"

    _print_Integer = _print_Half = _print_One = _print_Zero = _print_NegativeOne = _print_Rational

    def _print_Add(self, expression: sp.Expr, order: Any = None) -> str:
        return self._chained("add", expression.as_ordered_terms())

    def _print_Mul(self, expression: sp.Expr) -> str:
        below, above = sp.denom(expression), sp.numer(expression)
        if below != 1:
            return f"f.div({self._print(above)}, {self._print(below)})"
        if expression.could_extract_minus_sign():
            return f"f.neg({self._print(-expression)})"
        return self._chained("mul", expression.as_ordered_factors())

    def _print_Pow(self, expression: sp.Expr) -> str:
        if not expression.exp.is_Integer:
            raise ValueError(f"{expression} is not rational")
        return f"f.power({self._print(expression.base)}, {int(expression.exp)})"

    def _print_Function(self, expression: sp.Expr) -> str:
        if not isinstance(expression, AppliedUndef):
            raise ValueError(f"{expression.func} is not rational")  # noqa: TRY004
        return f"{expression.func.__name__}({self.stringify(expression.args, ', ')})"

    def _print_Abs(self, expression: sp.Expr) -> str:
        return f"f.abs({self._print(expression.args[0])})"

    def _print_Max(self, expression: sp.Expr) -> str:
        return self._chained("max", expression.args)

    def _print_Min(self, expression: sp.Expr) -> str:
        return self._chained("min", expression.args)

    def _chained(self, name: str, parts: Sequence[sp.Expr]) -> str:
        return f"f.{name}({', '.join(map(self._print, parts))})"


class _Members(_Rationals):
    """All functions are members of ``f``; powers with other exponents than whole numbers are
    ``f.raised``.
    """

    def _print_Function(self, expression: sp.Expr) -> str:
        return f"f.{expression.func.__name__}({self.stringify(expression.args, ', ')})"

    _print_log = _print_Function

    def _print_Heaviside(self, expression: sp.Expr) -> str:
        return f"f.heaviside({self.stringify(expression.args, ', ')})"

    def _print_ExpBase(self, expression: sp.Expr) -> str:
        return f"f.exp({self._print(expression.args[0])})"

    def _print_Pow(self, expression: sp.Expr) -> str:
        if expression.exp.is_Integer:
            return super()._print_Pow(expression)
        return f"f.raised({self._print(expression.base)}, {self._print(expression.exp)})"

    def _print_Pi(self, expression: sp.Expr) -> str:
        return "f.pi()"

    def _print_Exp1(self, expression: sp.Expr) -> str:
        return "f.exp(f.ratio(1n, 1n))"


@dataclass(frozen=True)
class Law:
    """A law as expressions.

    Attributes
    ----------
    name: that of the function in JavaScript.
    arguments: symbols, undefined functions, and lists of these, in the order of the call.
    result: an expression, or lists of them; members by name where the law gives a dataclass or a
        mapping.
    """

    name: str
    arguments: tuple[Any, ...]
    result: Any


def traced(name: str, law: Callable[..., Any], *arguments: Any) -> Law:
    """The law called with these symbols."""
    return Law(name, arguments, law(*arguments))


def function(law: Law, arithmetic: Arithmetic = "float") -> str:
    """``name(arguments) { … }``, a method of an object; of fractions, with ``f`` in sight.

    Raises
    ------
    ValueError: an expression cannot be printed in this arithmetic.
    """
    printer = {"float": lambda: _Floats(FLOATS), "fraction": _Rationals, "members": _Members}[
        arithmetic
    ]()
    shared, reduced = sp.cse(
        list(leaves(law.result)), symbols=sp.numbered_symbols("shared_"), order="none"
    )
    lines = [f"const {symbol} = {printer.doprint(value)};" for symbol, value in shared]
    body = "\n  ".join([*lines, f"return {_shaped(law.result, iter(reduced), printer)};"])
    return f"{law.name}({', '.join(map(_pattern, law.arguments))}) {{\n  {body}\n}}"


def _pattern(argument: Any) -> str:
    """A name, or names in brackets: the argument is taken apart where it comes in."""
    if isinstance(argument, Sequence):
        return f"[{', '.join(map(_pattern, argument))}]"
    return _name(argument)


def _name(symbol: Any) -> str:
    """w_-1 is no name in JavaScript."""
    return str(symbol).replace("-", "m")


def _members(result: Any) -> Mapping[str, Any] | None:
    if isinstance(result, Mapping):
        return result
    if is_dataclass(result) and not isinstance(result, type):
        return {field.name: getattr(result, field.name) for field in fields(result)}
    return None


def leaves(result: Any) -> Iterator[sp.Expr]:
    """The expressions of a law's result, in their order."""
    members = _members(result)
    if members is not None:
        result = list(members.values())
    if isinstance(result, Sequence):
        for part in result:
            yield from leaves(part)
    else:
        yield sp.sympify(result)


def _shaped(result: Any, printed: Iterator[sp.Expr], printer: StrPrinter) -> str:
    """The result with its leaves printed, in the shape that it had."""
    members = _members(result)
    if members is not None:
        parts = (f"{name}: {_shaped(part, printed, printer)}" for name, part in members.items())
        return "{" + ", ".join(parts) + "}"
    if isinstance(result, Sequence):
        return "[" + ", ".join(_shaped(part, printed, printer) for part in result) + "]"
    return str(printer.doprint(next(printed)))
