"""`zoo.get`: from a name to a model that is built, compiled and ready."""

from typing import Any

from zoo.flow_model import FlowModel
from zoo.model_spec import ModelSpec
from zoo.registry import resolve


def get(name: str, *, seed: int = 0, dtype: str = "float32", **overrides: Any) -> FlowModel:
    """Returns the model of a preset, built, with its optimizer and schedule.

    Args:
        name: a preset; `zoo.list()` has them.
        seed: seed of the initial weights, the order of the data and the noise.
        dtype: 'float32', 'float64', or 'mixed_bfloat16': in training the networks then compute in
            bfloat16, from the same float32 weights with which all else is computed in float32.
        **overrides: other values for fields of the preset's config or training, such as
            `filters=32`, `learning_rate=5e-4` or `ema=0.99`.

    Raises:
        ValueError: for an unknown name or option, with the nearest ones, or impossible values.
        TypeError: for a value of the wrong type.
    """
    model = FlowModel(ModelSpec.of(resolve(name, overrides), seed=seed, dtype=dtype))
    model.compile()
    return model
