"""The layers of a flow as one Keras layer, so that weights files are keyed by their names."""

from collections.abc import Sequence

import keras

from tfflows import Bijector, KerasModule


class Networks(keras.layers.Layer):
    """A call-less layer that holds every layer of a flow under the layer's own name.

    Keras keys weights by attribute names, or by class and order where layers stand in a list; in
    a list two equal layers that change places would load each other's weights in silence.

    Args:
        layers: the flow's layers.

    Raises:
        ValueError: if two layers have one name.
    """

    def __init__(self, layers: Sequence[keras.layers.Layer]) -> None:
        """Takes the layers as attributes."""
        super().__init__(name="networks")
        for layer in layers:
            if hasattr(self, layer.name):
                msg = f"`layers` must have names of their own; {layer.name!r} is taken."
                raise ValueError(msg)
            setattr(self, layer.name, layer)
        self.names = [layer.name for layer in layers]
        self.built = True

    @property
    def frozen(self) -> list[str]:
        """Names of the layers that are not trained."""
        return [name for name in self.names if not getattr(self, name).trainable]

    @property
    def learnable_variables(self) -> list[keras.Variable]:
        """The variables that are trained where no layer is frozen."""
        found = []
        for name in self.names:
            layer = getattr(self, name)
            frozen = not layer.trainable
            if frozen:
                layer.trainable = True
            found += layer.trainable_variables
            if frozen:
                layer.trainable = False
        return found


def keras_layers(flow: Bijector) -> list[keras.layers.Layer]:
    """Returns the Keras layers that the flow holds, each once."""
    modules = [m for m in (flow, *flow.submodules) if isinstance(m, KerasModule)]
    return list({id(m.layer): m.layer for m in modules}.values())
