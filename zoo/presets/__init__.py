"""The presets, a module a family: data alone, no TensorFlow."""

from zoo.presets import activation, affine, cdf, elementwise, iaf, maf, nice, realnvp, spline

__all__ = ["activation", "affine", "cdf", "elementwise", "iaf", "maf", "nice", "realnvp", "spline"]
