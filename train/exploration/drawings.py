"""The networks: a table of their stages, and a drawing where Graphviz is installed."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras

# A drawing of more boxes cannot be read. A network of more layers than half of it is drawn by stage.
_MOST_BOXES = 40
# A box is then about 60 pixels high and its text about as large as that of the page.
_DPI = 72


@dataclass(frozen=True)
class Stage:
    """Consecutive layers of a network that belong together."""

    name: str
    layers: tuple[keras.Operation, ...]

    @property
    def kinds(self) -> str:
        """The classes of the layers, each once, in their order."""
        return ", ".join(dict.fromkeys(type(layer).__name__ for layer in self.layers))

    @property
    def shape(self) -> str:
        """The shape of what the last layer gives, without the batch; it does not break over lines."""
        return "\u00a0x\u00a0".join(str(side) for side in self.layers[-1].output.shape[1:])

    @property
    def parameters(self) -> int:
        """Weights, trained and not."""
        return sum(layer.count_params() for layer in self.layers if isinstance(layer, keras.Layer))


def stages(network: keras.Model) -> list[Stage]:
    """The layers of `network` by stage.

    Layers whose names begin alike are one stage (``block_03_expand_conv`` is of ``block_03``). Where
    names make more stages than can be drawn, a stage ends where branches begin or meet again.
    """
    groups = _grouped(network, [_block(layer.name) for layer in network.operations])
    if len(groups) > _MOST_BOXES:
        groups = _grouped(network, _branchings(network))
    names = {members[0].name for _, members in groups if len(members) == 1}
    result = []
    for name, members in groups:
        if len(members) == 1:
            name = members[0].name
        while len(members) > 1 and name in names:  # the same beginning again, behind other layers
            name += "_layers"
        names.add(name)
        result.append(Stage(name, members))
    return result


def draw(network: keras.Model, path: Path) -> str | None:
    """Draw `network` to a PNG file, a large one by stage; where that cannot be, return why not."""
    if not importlib.util.find_spec("pydot") or not shutil.which("dot"):
        return (
            "For a drawing of each network install pydot and Graphviz: pip install pydot, and"
            " apt install graphviz (macOS: brew install graphviz)."
        )
    by_layer = len(network.operations) <= _MOST_BOXES // 2
    if not by_layer and len(stages(network)) > _MOST_BOXES:
        return f"Not drawn: {len(stages(network))} boxes would be too small to read."
    drawn = network if by_layer else by_stage(network)
    try:
        # Keras's default, right angles, makes Graphviz 2.42 fall over its own assertions on some networks.
        keras.utils.plot_model(drawn, path, show_shapes=True, show_layer_names=True, dpi=_DPI, splines="spline")
    except (ImportError, AssertionError, OSError):  # of Keras, pydot and the system, where Graphviz fails
        path.unlink(missing_ok=True)
        return f"{network.name} is not drawn: Graphviz failed."
    return None


def by_stage(network: keras.Model) -> keras.Model:
    """The same network with each stage of several layers as one nested model; the weights are shared."""
    groups = stages(network)
    made = {id(tensor): tensor for tensor in network.inputs}
    wanted = [{id(tensor) for layer in stage.layers for tensor in _inputs(layer)} for stage in groups]
    wanted.append({id(tensor) for tensor in network.outputs})
    for index, stage in enumerate(groups):
        within = {id(layer.output) for layer in stage.layers}
        inputs = _unique(tensor for layer in stage.layers for tensor in _inputs(layer) if id(tensor) not in within)
        if not inputs:  # the input layer itself
            continue
        later = set().union(*wanted[index + 1 :])
        outputs = [layer.output for layer in stage.layers if id(layer.output) in later]
        # A bare operation, which has arguments besides its inputs, is nested too: they are kept so.
        alone = len(stage.layers) == 1 and isinstance(stage.layers[0], keras.Layer)
        nested = stage.layers[0] if alone else keras.Model(_one_or_all(inputs), outputs, name=stage.name)
        results = nested(_one_or_all([made[id(tensor)] for tensor in inputs]))
        for tensor, result in zip(outputs, results if isinstance(results, list) else [results], strict=True):
            made[id(tensor)] = result
    outputs = [made[id(tensor)] for tensor in network.outputs]
    return keras.Model(_one_or_all(network.inputs), _one_or_all(outputs), name=network.name)


def _block(layer: str) -> str:
    """How a layer's name begins: up to its block, or else to its first part with a digit, or else its first part."""
    match = re.match(r".*?block_?\d+[a-z]?(?=_|$)", layer) or re.match(r"(?:[^\d_]+_)*?[^\d_]*\d[^_]*", layer)
    return match[0] if match else layer.partition("_")[0]


def _branchings(network: keras.Model) -> list[str]:
    """For each layer, the name of the next one whose output alone goes on, to several or from several."""
    layers = network.operations
    last_use = {id(tensor): index for index, layer in enumerate(layers) for tensor in _inputs(layer)}
    uses = Counter(id(tensor) for layer in layers for tensor in _inputs(layer))
    result: list[str] = []
    for index, layer in enumerate(layers):
        alone = all(last_use.get(id(before.output), 0) <= index for before in layers[:index])
        meets = alone and (len(_inputs(layer)) > 1 or uses[id(layer.output)] > 1)
        if meets or isinstance(layer, keras.layers.InputLayer) or index == len(layers) - 1:
            result += [layer.name] * (index + 1 - len(result))
    return result


def _grouped(network: keras.Model, keys: list[str]) -> list[tuple[str, tuple[keras.Operation, ...]]]:
    pairs = itertools.groupby(zip(keys, network.operations, strict=True), key=lambda pair: pair[0])
    return [(key, tuple(layer for _, layer in group)) for key, group in pairs]


def _inputs(layer: keras.Operation) -> list[keras.KerasTensor]:
    if isinstance(layer, keras.layers.InputLayer):
        return []
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _one_or_all(tensors: list[keras.KerasTensor]) -> keras.KerasTensor | list[keras.KerasTensor]:
    return tensors[0] if len(tensors) == 1 else tensors


def _unique(tensors: Iterable[keras.KerasTensor]) -> list[keras.KerasTensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())
