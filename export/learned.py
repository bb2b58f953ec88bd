"""Whether a model has learned anything."""

import numpy as np

from zoo import FlowModel


def has_learned(model: FlowModel) -> bool:
    """Tells whether a weight differs from those that a new model of the same spec begins with.

    What data sets at the start (`ActNorm`, `Standardize`) does not count: a density of the right
    place and scale, and of nothing else, is the start of a training and no end of one.

    Args:
        model: any model of the zoo.
    """
    fresh = type(model).from_config(model.get_config())
    from_data = {
        id(variable)
        for part in model.flow.submodules
        if hasattr(part, "initialized")
        for variable in part.variables
    }
    pairs = zip(model.learnable_variables, fresh.learnable_variables, strict=True)
    return any(
        id(now.value) not in from_data and not np.array_equal(now, then) for now, then in pairs
    )
