"""The mutants of a source text: mutmut's operators, one change at a time."""

from __future__ import annotations

import difflib
import random

import libcst as cst
from mutmut.mutation import file_mutation, mutators

__all__ = ["Mutants"]

LEFT_OUT = (
    mutators.operator_arg_removal,
    mutators.operator_assignment,
    mutators.operator_dict_arguments,
    mutators.operator_lambda,
    mutators.operator_string,
)
"""Arguments, values and lambdas that turn into None make nearly every test crash, and would raise
the score; strings are words for a reader.
"""


class _Visitor(file_mutation.MutationVisitor):
    """Leaves out decorators, and arguments that decide what raises, not what is computed."""

    def on_visit(self, node: cst.CSTNode) -> bool:
        match node:
            case cst.Decorator() | cst.Arg(keyword=cst.Name(value="frozen" | "strict")):
                return False
        return bool(super().on_visit(node))


class Mutants:
    """All mutants of a source text, in an order that is drawn from the seed."""

    def __init__(self, text: str, seed: str) -> None:
        operators = [each for each in mutators.mutation_operators if each[1] not in LEFT_OUT]
        visitor = _Visitor(operators, file_mutation.IgnoredCode(set(), set(), set()))
        self.module = cst.MetadataWrapper(cst.parse_module(text)).visit(visitor)
        self.mutations = visitor.mutations
        random.Random(seed).shuffle(self.mutations)

    def __len__(self) -> int:
        return len(self.mutations)

    def __getitem__(self, place: int) -> tuple[str, str]:
        """The text of a mutant and its change: function: lines before -> lines after."""
        mutation = self.mutations[place]
        changed = file_mutation.deep_replace(
            self.module, mutation.original_node, mutation.mutated_node
        )
        assert isinstance(changed, cst.Module)
        function = mutation.contained_by_top_level_function
        name = f"{function.name.value}: " if isinstance(function, cst.FunctionDef) else ""
        lines = list(difflib.ndiff(self.module.code.split("\n"), changed.code.split("\n")))
        before, after = (
            " ".join(x[2:].strip() for x in lines if x.startswith(sign)) for sign in ("- ", "+ ")
        )
        return changed.code, f"{name}{before} -> {after}"
