"""Which entry of a file holds the network: the file itself, or what stands under state_dict, model,
ema and the like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["begins_with", "entries", "groups", "joined"]

DEEPEST = 8
"""Mappings within mappings."""
LONGEST = 200
"""Characters of the name of an entry."""


def entries(held: Mapping[Any, Any]) -> dict[str, dict[str, Any]]:
    """The tensors of every mapping that has any, by the dotted path to it; the file's own path is
    empty.

    An optimizer's state, which numbers its tensors, is none.
    """
    return dict(_entries(held, (), set()))


def _entries(
    held: Mapping[Any, Any], path: tuple[str, ...], met: set[int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    met.add(id(held))
    named = {name: value for name, value in held.items() if isinstance(name, str)}
    tensors = {name: value for name, value in named.items() if hasattr(value, "dtype")}
    if tensors:
        yield ".".join(path), tensors
    for name, value in named.items():
        mapping = isinstance(value, Mapping) and id(value) not in met and len(path) < DEEPEST
        if mapping and name.isprintable() and len(name) <= LONGEST:
            yield from _entries(value, (*path, name), met)


def groups(tensors: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The tensors of one mapping by the first part of their names, where they have more."""
    parts: dict[str, dict[str, Any]] = {}
    for name, value in tensors.items():
        first, dot, _ = name.partition(".")
        if dot:
            parts.setdefault(first, {})[name] = value
    return parts


def begins_with(found: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, Any]:
    """The tensors of the entry with this path; else those whose path and name begin with the key;
    else none.
    """
    if key in found:
        return dict(found[key])
    for path, tensors in found.items():
        before = key.removeprefix(f"{path}.") + "."
        if part := {name: value for name, value in tensors.items() if name.startswith(before)}:
            return part
    return {}


def joined(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tensors of entries that stand side by side, by the path to the mapping that holds them:
    one network, stored layer by layer.
    """
    beside: dict[str, dict[str, Mapping[str, Any]]] = {}
    for path, tensors in found.items():
        if path:
            parent, _, entry = path.rpartition(".")
            beside.setdefault(parent, {})[entry] = tensors
    return {
        parent: {f"{entry}.{name}": x for entry, part in parts.items() for name, x in part.items()}
        for parent, parts in beside.items()
        if len(parts) > 1
    }
