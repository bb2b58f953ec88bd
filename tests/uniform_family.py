"""A family for tests: pixels uniform on [0, levels), so that bits per dimension are log2(levels).

The normal base goes through its own distribution function, and the flow has nothing to learn.
"""

import dataclasses

from tensorflow_probability import bijectors as tfb

from tfflows import Chain


@dataclasses.dataclass(frozen=True, kw_only=True)
class UniformConfig:
    image_shape: tuple[int, ...]
    levels: int
    num_classes: None = None
    condition_dim: None = None

    @property
    def family(self):
        return "uniform"

    @property
    def event_shape(self):
        return self.image_shape


def build(config, *, seed, dtype):
    return Chain([tfb.Scale(float(config.levels)), tfb.NormalCDF()])
