r"""Activations typed or pasted by a user: parsed, and never evaluated as code.

The text becomes a line of names, operators and ones (:mod:`theory.expressions.tokens`), Python's
own parser makes a tree of it, and the tree is read here, node by node.  A node that is not in this
list is refused:

    + - * / ** ^
    as in Python: -z**2 = -(z**2), 2**3**2 = 2**9
    2z, z tanh(z), z(1 - z)  the * of a product may be left out behind a number, the variable, pi or
                             ) where nothing else can be meant: 1/2z and z**2z are refused
    0.1, 1e-3                exactly: 0.1 is 1/10
    pi, e                    constants
    z or x                   the variable, one of the two names in an expression (or that of
                             ``lambda t:``)
    tanh(z), torch.tanh(z)   every function of :mod:`theory.expressions.functions`, also as z.tanh()
    leaky_relu(z, 0.2)       parameters in torch's order or by torch's names; nn.LeakyReLU(0.2)(z)
    where(z > 0, a, b), a if z > 0 else b      with < <= > >=, and, or, not
    (z > 0)                  1 or 0

Everything is real and bounded, each result as :mod:`theory.expressions.operations` says, the text
by the constants of :mod:`theory.expressions.tokens`.  No simplification may define an expression
where it was not: sqrt(z)**2 is refused, because it is z for z >= 0 only.  Only isolated points are
filled in: z/z is 1.

An expression that has no real value at some z is refused, with the place
(:mod:`theory.expressions.domain`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import sympy as sp

from theory.expressions.domain import undefined
from theory.expressions.enclosure import z
from theory.expressions.functions import FUNCTIONS, PREFIXES, Function, find, hint
from theory.expressions.operations import DIGITS, Refused, checked, is_constant, power, where
from theory.expressions.printing import evaluator, to_text
from theory.expressions.tokens import (
    DEEPEST,
    NUMBERS,
    VARIABLES,
    GrammarError,
    Source,
    Token,
    quoted,
    refusal,
    source,
)

__all__ = ["Call", "call_of", "parse", "settled"]

ROUNDS = 6
"""Times that an expression is written out and read again until it no longer changes."""
CONSTANTS = MappingProxyType(dict(zip(NUMBERS, (sp.pi, sp.E), strict=True)))
ONE, ZERO = sp.Integer(1), sp.Integer(0)
Condition = Callable[[sp.Expr, sp.Expr], sp.Expr]
"""(a, b) -> the expression that is a where the condition holds and b elsewhere."""


@dataclass(frozen=True)
class Call:
    """A function and the values of its parameters; None for one that is left out."""

    function: Function
    values: tuple[sp.Expr | None, ...]


# --- numbers ----------------------------------------------------------------------------------


def _rational(token: Token) -> sp.Rational:
    """A literal, exactly."""
    mantissa, _, exponent = token.text.replace("E", "e").partition("e")
    whole, _, fraction = mantissa.partition(".")
    size = exponent.lstrip("+-").lstrip("0")
    if max(len(whole.lstrip("0")) - 1, len(fraction)) > DIGITS or len(size) > len(str(DIGITS)):
        raise refusal(token, f"the number {quoted(token.text)} has too many digits")
    shift = int(exponent or 0) - len(fraction)
    digits = int(whole + fraction)
    return sp.Rational(digits * 10 ** max(shift, 0), 10 ** max(-shift, 0))


# --- the tree ---------------------------------------------------------------------------------


def _tree(line: Source) -> ast.expr:
    try:
        return ast.parse(line.line, mode="eval").body
    except SyntaxError as error:
        token = line.token((error.offset or 1) - 1)
        raise refusal(token, "this cannot be read; a condition is a if x > 0 else b") from None


def _dotted(node: ast.expr) -> str:
    """The names of an attribute such as torch.nn.ReLU, an empty string for any other node."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (inside := _dotted(node.value)):
        return f"{inside}.{node.attr}"
    return ""


def _spine(
    node: ast.expr, kinds: tuple[type[ast.operator], ...]
) -> list[tuple[ast.BinOp | None, ast.expr]]:
    """(operation, its right operand) of nested left operands in the order of the text; the first
    has no operation.
    """
    parts: list[tuple[ast.BinOp | None, ast.expr]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
        parts.append((node, node.right))
        node = node.left
    return [(None, node), *reversed(parts)]


class _Reader:
    """One walk through the tree; ``roots`` collects what must not be negative."""

    def __init__(self, text: str) -> None:
        self.source = source(text)
        self.tree = _tree(self.source)
        self.depth = 0
        self.variables = (self.source.variable,) if self.source.variable else VARIABLES
        self.variable = ""
        self.roots: dict[sp.Expr, None] = {}

    def token(self, node: ast.expr) -> Token:
        """Where a node begins."""
        return self.source.token(node.col_offset)

    def operator(self, node: ast.BinOp) -> Token:
        """The / or ** of a node."""
        kind = "**" if isinstance(node.op, ast.Pow) else "/"
        starts = (c for c in self.source.tokens if c < node.right.col_offset)
        return self.source.tokens[max(c for c in starts if self.source.tokens[c].kind == kind)]

    def build(
        self, token: Token, operation: Callable[..., sp.Expr], *operands: sp.Expr | None
    ) -> sp.Expr:
        try:
            return checked(operation(*operands))
        except Refused as refused:
            raise refusal(token, str(refused)) from None

    def value(self, node: ast.expr) -> sp.Expr:
        """The expression of a node."""
        token = self.token(node)
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self.sum(node)
            case ast.BinOp(op=ast.Pow()):
                return self.power(node)
            case ast.BinOp() | ast.UnaryOp(op=ast.UAdd() | ast.USub()):
                return self.product(node, False)
            case ast.Constant() if token.kind == "number":
                return self.build(token, partial(_rational, token))
            case ast.Name() | ast.Attribute():
                return self.named(node)
            case ast.Call() if _dotted(node.func).rpartition(".")[2] == "where":
                if len(node.args) != 3 or node.keywords:
                    raise refusal(token, "expected where(x > 0, a, b)")
                return self.chosen(node, *node.args)
            case ast.Call():
                self.enter(token)
                call = self.call(node)
                self.depth -= 1
                if call.function.root is not None:
                    self.roots[self.build(token, call.function.root, *call.values)] = None
                return self.build(token, call.function.build, *call.values)
            case ast.IfExp():
                return self.chosen(node, node.test, node.body, node.orelse)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp():
                return self.build(token, self.condition(node), ONE, ZERO)
        raise refusal(token, f"expected a number or an expression, found {quoted(token.text)}")

    # --- sums, products, powers

    def sum(self, node: ast.expr) -> sp.Expr:
        terms = [
            self.product(term, operation is not None and isinstance(operation.op, ast.Sub))
            for operation, term in _spine(node, (ast.Add, ast.Sub))
        ]
        return self.build(self.token(node), sp.Add, *terms)

    def product(self, node: ast.expr, negative: bool) -> sp.Expr:
        """One product of all factors, signs included, so that its meaning is that of its text."""
        factors = [sp.Integer(-1)] if negative else []
        for operation, operand in _spine(node, (ast.Mult, ast.Div)):
            *sign, factor = self.signed(operand)
            if operation is not None and isinstance(operation.op, ast.Div):
                factor = self.power_of(self.operator(operation), factor, sp.Integer(-1))
            factors += [*sign, factor]
        return factors[0] if len(factors) == 1 else self.build(self.token(node), sp.Mul, *factors)

    def signed(self, node: ast.expr) -> list[sp.Expr]:
        """[value] or [-1, value]."""
        negative = False
        while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
            negative ^= isinstance(node.op, ast.USub)
            node = node.operand
        return [sp.Integer(-1), self.value(node)] if negative else [self.value(node)]

    def power(self, node: ast.BinOp) -> sp.Expr:
        base, operator = self.value(node.left), self.operator(node)
        self.enter(operator)
        exponent = self.build(operator, sp.Mul, *self.signed(node.right))
        self.depth -= 1
        return self.power_of(operator, base, exponent)

    def power_of(self, token: Token, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if exponent.is_Rational and exponent.q > 1:
            self.roots[base] = None
        return self.build(token, power, base, exponent)

    def enter(self, token: Token) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise refusal(token, f"expected at most {DEEPEST} nested levels")

    # --- conditions

    def condition(self, node: ast.expr) -> Condition:
        """What a condition chooses from two expressions."""
        token = self.token(node)
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.enter(token)
                holds = self.condition(operand)
                self.depth -= 1
                return lambda a, b: holds(b, a)
            case ast.BoolOp(op=ast.And(), values=parts):
                return _all(list(map(self.condition, parts)))
            case ast.BoolOp(values=parts):
                opposite = _all([_not(self.condition(part)) for part in parts])
                return lambda a, b: opposite(b, a)
            case ast.Compare(left=left, ops=operators, comparators=others):
                values = [self.value(side) for side in (left, *others)]
                pairs = zip(operators, values, values[1:], strict=False)
                return _all([self.comparison(token, *pair) for pair in pairs])
        raise refusal(token, "expected a condition such as x > 0")

    def comparison(
        self, token: Token, operator: ast.cmpop, left: sp.Expr, right: sp.Expr
    ) -> Condition:
        strict = isinstance(operator, ast.Gt | ast.Lt)
        if not strict and not isinstance(operator, ast.GtE | ast.LtE):
            raise refusal(token, "single points do not count: compare with < or >")
        side = 1 if isinstance(operator, ast.Gt | ast.GtE) else -1
        difference = self.build(token, lambda: side * (left - right))
        return partial(where, difference, strict)

    def chosen(
        self, node: ast.expr, test: ast.expr, body: ast.expr, otherwise: ast.expr
    ) -> sp.Expr:
        """body where the test holds; what must not be negative there counts there only."""
        token, holds, outside = self.token(node), self.condition(test), self.roots
        self.enter(token)
        values = []
        for part, place in ((body, 0), (otherwise, 1)):
            self.roots = {}
            values.append(self.value(part))
            for root in self.roots:
                outside[self.build(token, holds, *((root, ONE), (ONE, root))[place])] = None
        self.depth -= 1
        self.roots = outside
        return self.build(token, holds, *values)

    # --- names and functions

    def function(self, node: ast.expr) -> tuple[str, ast.expr | None]:
        """(name, None) of a function's name with or without a known prefix, (name, object) of a
        method.
        """
        if isinstance(node, ast.Name):
            return node.id, None
        if not isinstance(node, ast.Attribute):
            raise refusal(self.token(node), "expected an operator such as * before '('")
        prefix = _dotted(node.value)
        if prefix in PREFIXES:
            return node.attr, None
        if prefix and prefix not in self.variables:
            reason = f"the prefix {quoted(prefix)} is not known: write {node.attr}(...) alone"
            raise refusal(self.token(node), reason)
        return node.attr, node.value

    def named(self, node: ast.expr) -> sp.Expr:
        """The variable or a constant."""
        token, (name, method) = self.token(node), self.function(node)
        if name in self.variables and isinstance(node, ast.Name):
            if self.variable not in ("", name):
                raise refusal(token, "expected one variable, found both z and x")
            self.variable = name
            return z
        if name in CONSTANTS and method is None:
            return CONSTANTS[name]
        if find(name):
            raise refusal(token, f"expected '(' after {quoted(name)}, as in {name}(x)")
        raise self.unknown(token, name)

    def unknown(self, token: Token, name: str) -> GrammarError:
        reason = (
            f"expected {', '.join(self.variables)}, pi, e or a function, found the name"
            f" {quoted(name)}"
        )
        return refusal(token, reason + hint(name))

    def call(self, node: ast.Call, first: sp.Expr | None = None) -> Call:
        """The function and its arguments; ``first`` comes before them where they are parameters
        alone.
        """
        token, arguments, keywords = self.token(node), node.args, node.keywords
        target, parameters = node.func, first is not None
        if isinstance(target, ast.Call) and not parameters:  # nn.LeakyReLU(0.2)(x)
            names = {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
            if names & set(self.variables):  # tanh(x)(1 + x)
                raise refusal(token, "expected an operator such as * before '('")
            if len(arguments) != 1 or keywords:
                raise refusal(token, f"expected 1 argument, found {len(arguments) + len(keywords)}")
            first, arguments, keywords = self.value(arguments[0]), target.args, target.keywords
            target, parameters = target.func, True
        name, method = self.function(target)
        function = find(name)
        if function is None:
            if name in (*self.variables, *CONSTANTS):
                raise refusal(token, f"expected an operator such as * after {quoted(name)}")
            raise self.unknown(token, name)
        given = [*([] if method is None else [method]), *arguments]
        named = {str(keyword.arg): keyword.value for keyword in keywords}
        if len(named) < len(keywords):
            raise refusal(token, f"{name} is given one parameter twice")
        if parameters and name == "PReLU":
            given, named = given[1:], {k: v for k, v in named.items() if k != "num_parameters"}
            named = {"weight" if k == "init" else k: v for k, v in named.items()}
        return self.bound(token, name, function, given, named, first)

    def word(self, node: ast.expr) -> str:
        """True, False, None or the letters between quotes; empty for anything else."""
        plain = isinstance(node, ast.Constant) and self.token(node).kind != "number"
        return self.token(node).text.strip("'\"") if plain else ""

    def switched(
        self, function: Function, given: Sequence[ast.expr], named: dict[str, ast.expr]
    ) -> tuple[Function, list[ast.expr], dict[str, ast.expr]]:
        """The function and its arguments without torch's words for how, not what, is computed."""
        kept: list[tuple[str, ast.expr]] = []
        for key, node in [*(("", node) for node in given), *named.items()]:
            word = self.word(node)
            if (key, word) in HOW:
                continue
            if key in ("", "approximate") and word in GELU and function == FUNCTIONS["gelu"]:
                function = FUNCTIONS[GELU[word]]
            else:
                kept.append((key, node))
        return function, [node for key, node in kept if not key], {k: n for k, n in kept if k}

    def argument(self, node: ast.expr) -> sp.Expr | None:
        return None if self.word(node) == "None" else self.value(node)

    def bound(
        self,
        token: Token,
        name: str,
        function: Function,
        given: Sequence[ast.expr],
        named: dict[str, ast.expr],
        first: sp.Expr | None,
    ) -> Call:
        """The values of a function's parameters, from those given by place and by name."""
        if function.row is not None:
            function, given, named = self.switched(function, given, named)
        placed = [*([] if first is None else [first]), *map(self.argument, given)]
        names, defaults = function.parameters, function.defaults
        values = dict(zip(names, placed, strict=False))
        for key, node in named.items():
            known = KEYWORDS.get(key, key)
            if known not in names or known in values:
                others = ", ".join(names[1:]) or "none"
                reason = f"{name} has no parameter {quoted(key)} here; its parameters: {others}"
                raise refusal(token, reason)
            values[known] = self.argument(node)
        fewest, most = len(names) - len(defaults), len(names) + function.most
        if len(placed) > most or not set(names) <= values.keys() | defaults.keys():
            own = 0 if first is None else 1
            count = f"{fewest - own} to {most - own}" if most > fewest else f"{most - own}"
            what = "argument" if first is None else "parameter"
            number = len(placed) + len(named) - own
            raise refusal(
                token, f"{name} takes {count} {what}{'s' * (most - own != 1)}, found {number}"
            )
        complete = {**defaults, **values}
        if any(complete[key] is None and defaults.get(key, ZERO) is not None for key in names):
            raise refusal(token, f"{name} needs a number or an expression in the place of None")
        return Call(function, (*(complete[key] for key in names), *placed[len(names) :]))


HOW = frozenset(
    [(key, word) for key in ("", "inplace") for word in ("True", "False")] + [("training", "False")]
)
"""(parameter, word) of torch's functions that do not change what is computed."""
GELU = MappingProxyType({"none": "gelu", "tanh": "gelu_tanh"})
KEYWORDS = MappingProxyType({"a_min": "min", "a_max": "max", "x": "input", "x1": "input"})
"""Other names of parameters."""


def _all(conditions: list[Condition]) -> Condition:
    """All of them hold."""
    if len(conditions) == 1:
        return conditions[0]
    first, others = conditions[0], _all(conditions[1:])
    return lambda a, b: first(others(a, b), b)


def _not(condition: Condition) -> Condition:
    return lambda a, b: condition(b, a)


SAMPLES = tuple(
    sign * size for size in (0.0131, 0.273, 0.577, 1.319, 2.239, 4.711, 23.17, 171.3)
    for sign in (1.0, -1.0)
)  # fmt: skip
"""Points of no significance at which a lost restriction of the domain shows."""


def _check_domain(expression: sp.Expr, roots: Sequence[sp.Expr]) -> None:
    """No root or log of something negative was simplified away.

    Raises
    ------
    GrammarError: it was, at one of the samples at least.
    """
    for root in roots:
        if is_constant(root) or root.is_extended_nonnegative:
            continue
        inside, outside = evaluator(root), evaluator(expression)
        for point in SAMPLES:
            value = inside(point)
            if value is not None and value < 0 and outside(point) is not None:
                raise GrammarError(
                    "the expression takes a root or log of a negative number (for example at"
                    f" z = {point}), but its simplified form does not show it"
                )


# --- texts ------------------------------------------------------------------------------------


def call_of(text: str) -> Call | None:
    """The function that a text names with its parameters alone, as ReLU, nn.LeakyReLU(0.2); None
    for any other text.

    Raises
    ------
    GrammarError: the text is not in the grammar, or the parameters are not those of the function.
    """
    reader = _Reader(text)
    tree = reader.tree
    target = tree.func if isinstance(tree, ast.Call) else tree
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    if not isinstance(target, ast.Name | ast.Attribute) or set(names) & set(reader.variables):
        return None
    name, _ = reader.function(target)
    function, token = find(name), reader.token(tree)
    if function is None or name in CONSTANTS:
        return None
    if isinstance(tree, ast.Call):
        numbers = [node for node in tree.args if not reader.word(node)]
        if function.row is None or (numbers and len(function.parameters) == 1):
            return None
        call = reader.call(tree, z)
    else:
        call = reader.bound(token, name, function, [], {}, z)
    reader.build(token, call.function.build, *call.values)
    return call


def parse(text: str, everywhere: bool = True) -> sp.Expr:
    """The expression in z that the text writes, exact; real on all of R unless not ``everywhere``.

    ``parse(to_text(parse(text))) == parse(text)``.

    Raises
    ------
    GrammarError: the text is not in the grammar, not real, or too large; one printable line.
    """
    reader = _Reader(text)
    expression = reader.value(reader.tree)
    _check_domain(expression, tuple(reader.roots))
    return settled(expression, everywhere)


def settled(expression: sp.Expr, everywhere: bool = True) -> sp.Expr:
    """The expression as it is read again when it is written out.

    Raises
    ------
    GrammarError: it is not in the grammar, or ``everywhere`` and not real on all of R.
    """
    for _ in range(ROUNDS):
        try:
            reader = _Reader(to_text(expression))
            again = reader.value(reader.tree)
        except GrammarError as error:
            raise GrammarError(
                "too large or not real once its functions are written out"
            ) from error
        if again == expression:
            break
        expression = again
    else:
        raise GrammarError(f"the simplified form still changes after {ROUNDS} rounds")
    if everywhere and (reason := undefined(expression)):
        raise GrammarError(reason)
    return expression
