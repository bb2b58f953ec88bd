"""The presets, a module a family: data alone, no TensorFlow."""

from zoo.presets import nice, realnvp

__all__ = ["nice", "realnvp"]
