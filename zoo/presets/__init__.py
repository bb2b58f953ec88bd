"""The presets, a module a family: data alone, no TensorFlow."""

from zoo.presets import realnvp

__all__ = ["realnvp"]
