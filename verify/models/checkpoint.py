"""The weights of a network of the model, from a file or from named tensors: checked, and exact in
float64.

A network has filters (K, 1, n), n odd, or (K, 1, n, n) for images, a readout (1, K), and may have
biases (K) and (1); which tensor is which is decided by structure (layers.py), so the names are the
user's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from numerics.arithmetic.types import Array
from theory.expressions.spelling import spelled
from theory.pulse.network import Network
from verify.models.archive import ALONE, contents
from verify.models.entries import begins_with, entries, groups, joined
from verify.models.hyperparameters import beside
from verify.models.layers import ROLES, layer_of, listed, roles_of, without_ties
from verify.models.parametrizations import EPS, normalised, plain, refuse, sloped
from verify.models.setup import left_out, merged
from verify.models.tensors import CheckpointError, runs_in, tensors_of

__all__ = ["Checkpoint", "encoded", "network_in", "network_of", "read"]


@dataclass(frozen=True)
class Checkpoint:
    """The weights: w (K, n), or (K, n, n) of images, a (K,), b (K,) or None, c (1,) or None; all
    finite float64.

    Attributes
    ----------
    metadata: that of a safetensors file, strings by name, and what a learned slope says of the
        activation.
    names: the name in the file of every tensor that is there, by its name in the model.
    notes: one sentence each on what was done on reading.
    dtype: the type in which the network runs, float16, bfloat16, float32 or float64.
    slopes: those that PReLU has learned, where they are in the activation.
    assumed: what nothing in the file says, and all that is told of it rests on; or an empty string.
    folded: those of the notes that are about layers which the network does not have as it stands
        here.
    rational: by role, fractions where folding has made some that are no floats; w, a, b and c are
        the nearest floats.
    """

    w: Array
    a: Array
    b: Array | None
    c: Array | None
    metadata: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dtype: str = "float64"
    slopes: Array | None = None
    assumed: str = ""
    folded: tuple[str, ...] = ()
    rational: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def name(self, role: str) -> str:
        """The user's own name of the tensor that the model calls ``role``, as conv.weight."""
        return self.names.get(role, role)

    @property
    def learned(self) -> bool:
        """Whether the slope of the activation is in the file."""
        return "activation.weight" in self.names

    def settled(self, given: Mapping[str, str | None]) -> tuple[Checkpoint, dict[str, str]]:
        """The settings asked for, then those of the metadata, and the same network with a note on
        what of these is replaced; the activation is its own where the file has learned its slope.

        Raises
        ------
        CheckpointError: another activation is asked for.
        """
        asked = self._asked(given) if self.learned else given
        notes = (*self.notes, *left_out(asked, self.metadata))
        return replace(self, notes=notes), merged(asked, self.metadata)

    def _asked(self, given: Mapping[str, str | None]) -> dict[str, str | None]:
        name = self.names["activation.weight"]
        activation, arguments = given.get("activation"), given.get("activation_args")
        own = spelled(self.metadata["activation"])  # relu where each channel has a slope
        learned = {"prelu", *([own.name] if own.torch == "PReLU" else ())}
        if activation and spelled(activation).name not in learned:
            raise CheckpointError(
                f"it holds {name}, a slope of PReLU; {activation[:40]} is another activation"
            )
        if arguments:
            raise CheckpointError(f"it holds {name}, a slope of PReLU: leave activation_args out")
        return {**given, "activation": None}

    def holding(self, net: Network[float]) -> Checkpoint:
        """The same with the weights of another network for signals."""
        b, c = (None if x is None else np.array(x) for x in (net.b, net.c))
        c = None if c is None else c[None]
        return replace(self, w=np.array(net.w), a=np.array(net.a), b=b, c=c, rational={})

    @property
    def tensors(self) -> dict[str, Array]:
        """What is there, by its name in the model, in a file's shapes: conv.weight (K, 1, n)."""
        arrays = self.w[:, None], self.b, self.a[None], self.c, self.slopes
        named = zip((*ROLES, "activation.weight"), arrays, strict=True)
        return {role: x for role, x in named if x is not None}

    def supposing(self, verdict: str) -> str:
        """A verdict with what it rests on."""
        return f"{verdict}; that holds if {self.assumed}" if self.assumed else verdict

    @property
    def biases(self) -> Array:
        """b (K,), zeros where the file has none."""
        return np.zeros(len(self.a)) if self.b is None else self.b

    @property
    def offset(self) -> float:
        """c, 0 where the file has none."""
        return 0.0 if self.c is None else float(self.c[0])


def read(path: Path, *, images: bool = False, key: str | None = None) -> Checkpoint:
    """The network in a safetensors file, or in what torch.save wrote; for images too where these
    are wanted.

    ``key`` names the entry of the file, or the beginning of the tensors' names, where it holds
    several networks.

    Raises
    ------
    CheckpointError: the file is missing, no regular file, too large, damaged, or holds no network
        of this model.
    """
    held, metadata = contents(path)
    return network_in(held, metadata, images=images, key=key)


def network_in(
    held: Mapping[Any, Any],
    metadata: Mapping[str, str],
    *,
    images: bool = True,
    key: str | None = None,
) -> Checkpoint:
    """The one network in a state_dict, or in what holds one beside an optimizer, counters and the
    like; see :func:`read`.

    Raises
    ------
    CheckpointError: there is none, or more than one, or nothing stands under ``key``.
    """
    found = entries(held)
    said = beside({**held, **metadata})
    metadata, told = _with_settings(metadata, said)
    if key is not None:
        tensors = begins_with({**joined(found), **found}, key)
        if not tensors:
            keys = listed([path or "the file itself" for path in found])
            raise CheckpointError(
                f"no tensors stand under --key {key[:60]}; there are some in {keys}"
            )
        network = network_of(tensors, metadata, images=images)
        return replace(network, notes=(*network.notes, *told))
    sizes = [{len(x.shape) for x in tensors.values()} for tensors in found.values()]
    whole = any(2 in size and max(size) > 2 for size in sizes)  # filters and a readout
    layers = {} if whole else _with_filters(joined(found))
    if layers:
        told += ("its layers are entries of the file, one by one",)
        found = layers
    networks, errors = {}, {}
    for place, tensors in (_with_filters(found) or found).items():
        try:
            networks[place] = network_of(tensors, metadata, images=images)
        except CheckpointError as error:
            errors[place] = error
    if not networks:
        raise _refusal(held, found, errors)
    if len(networks) > 1:
        raise _choice(list(networks))
    ((place, network),) = networks.items()
    network = replace(network, notes=(*network.notes, *told))
    if not place:
        return network
    note = f"the network is the entry {place} of the file"
    names = (str(name)[:60] for name in held)
    others = [
        name
        for name in names
        if name.isprintable() and name not in {place.partition(".")[0], *said}
    ]
    if others:
        note += f"; {listed(others)} beside it {'is' if len(others) == 1 else 'are'} ignored"
    return replace(network, notes=(note, *network.notes))


def _with_settings(
    metadata: Mapping[str, str], said: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The metadata with the settings that stand beside the weights behind its own, and a note on
    each place of them.

    Raises
    ------
    CheckpointError: two places differ.
    """
    settings, notes = dict(metadata), list[str]()
    first: dict[str, str] = {}
    for place, values in said.items():
        for name, text in values.items():
            other = first.setdefault(name, place)
            if said[other][name] != text:
                raise CheckpointError(
                    f"its {other} says {name} = {said[other][name]}, and its {place} {text}"
                )
        new = {name: x for name, x in values.items() if name not in settings}
        settings |= new
        if new:
            shown = ", ".join(f"{name} = {x}" for name, x in new.items())
            notes.append(f"{place} is taken as metadata is: {shown}")
    return settings, tuple(notes)


def _with_filters(found: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The entries that have a tensor like a convolution's."""
    return {
        place: tensors
        for place, tensors in found.items()
        if any(len(value.shape) > 2 for value in tensors.values())
    }


def _choice(keys: Sequence[str]) -> CheckpointError:
    return CheckpointError(
        f"it holds {len(keys)} networks, {listed([key or 'its own tensors' for key in keys])}; "
        f"choose one with --key {keys[-1]}"
    )


def _refusal(
    held: Mapping[Any, Any],
    found: Mapping[str, dict[str, Any]],
    errors: Mapping[str, CheckpointError],
) -> CheckpointError:
    """Why no entry is a network: what is wrong with the one that has most tensors."""
    if not held:
        return CheckpointError("it is an empty state_dict")
    if not found:
        if "param_groups" in held:
            return CheckpointError(f"it holds an optimizer's state and no weights; {ALONE}")
        return CheckpointError(f"it holds no named tensors; {ALONE}")
    place = max(errors, key=lambda place: len(found[place]))
    parts = [key for key, part in groups(found[place]).items() if _is_network(part)]
    if len(parts) > 1:
        return _choice([f"{place}.{key}".removeprefix(".") for key in parts])
    return errors[place]


def _is_network(tensors: Mapping[str, Any]) -> bool:
    try:
        network_of(tensors, {})
    except CheckpointError:
        return False
    return True


def network_of(
    tensors: Mapping[str, Any],
    metadata: Mapping[str, str],
    *,
    images: bool = True,
    eps: float = EPS,
    placed: bool = False,
) -> Checkpoint:
    """The network that named tensors of torch or arrays of NumPy make up, as a state_dict holds
    them.

    ``eps`` is that of a batch norm, which is known to stand between convolution and activation
    where it is ``placed``.

    Raises
    ------
    CheckpointError: they make up no network of this model.
    """
    refuse(tensors)
    exact = without_ties(tensors_of(tensors))
    layers = plain(exact)
    names = roles_of(layers.tensors)
    values = {role: layers.tensors[name].values for role, name in names.items()}
    w, a, b = values["conv.weight"][:, 0], values["readout.weight"][0], values.get("conv.bias")
    if w.ndim == 3 and not images:
        shape = list(values["conv.weight"].shape)
        raise CheckpointError(
            f"{names['conv.weight']} has the shape {shape}: a network for images; those for"
            " signals, (K, 1, n), are read"
        )
    if metadata.get("bias", "").lower() in ("false", "0") and "conv.bias" in names:
        raise CheckpointError(
            f"its metadata says bias = {metadata['bias']}, and it has {names['conv.bias']}"
        )
    notes, slopes, assumed = [*layers.notes], None, ""
    told = {key: x for key, x in metadata.items() if x not in tensors}  # but names of tied ones
    if layers.norm is not None:
        conv = layer_of(names["conv.weight"])
        where = None if placed else tuple(exact)
        (w, b), note, assumed = normalised(w, b, layers.norm, conv.removesuffix("."), eps, where)
        names.setdefault("conv.bias", f"{conv}bias")
        notes.append(note)
    if layers.slope is not None:
        (w, b, a), activation, note = sloped(w, b, a, layers.slope)
        names["activation.weight"] = name = layers.slope[0]
        slopes = layers.slope[1] if len(a) == len(values["readout.weight"][0]) else None
        said = metadata.get("activation")
        if said and spelled(said).torch != "PReLU":
            raise CheckpointError(f"its metadata says {said[:40]}, and {name} is a slope of PReLU")
        began = ("init", "activation_args")
        told = {key: x for key, x in told.items() if key not in began} | {"activation": activation}
        notes.append(note)
    c = values.get("readout.bias")
    made = {"conv.weight": w, "readout.weight": a, "conv.bias": b, "readout.bias": c}
    floats = {role: x.astype(np.float64) for role, x in made.items() if x is not None}
    return Checkpoint(
        floats["conv.weight"],
        floats["readout.weight"],
        floats.get("conv.bias"),
        floats.get("readout.bias"),
        told,
        names,
        tuple(notes),
        runs_in(x.dtype for x in exact.values()) if layers.same else "float64",
        slopes,
        assumed,
        tuple(notes),
        {role: x for role, x in made.items() if x is not None and x.dtype == object},
    )


def encoded(checkpoint: Checkpoint) -> bytes:
    """A safetensors file with its header's keys in order: the library writes them in an order of
    the moment.
    """
    stored = {checkpoint.name(x): np.ascontiguousarray(y) for x, y in checkpoint.tensors.items()}
    content = save(stored, dict(checkpoint.metadata))
    size = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[size:]
