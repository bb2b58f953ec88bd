"""A Keras callback that has a model."""

from typing import Any

import keras


class TrainingCallback(keras.callbacks.Callback):
    """A callback of a training; Keras's own may be without a model."""

    @property
    def trained(self) -> Any:
        """The model in training."""
        if self.model is None:
            msg = f"a {type(self).__name__} works within `fit` alone."
            raise RuntimeError(msg)
        return self.model
