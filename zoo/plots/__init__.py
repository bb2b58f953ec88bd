"""Pictures of runs and models: image grids, training curves, densities in the plane.

Each function writes one file and returns its path. The file appears whole or not at all: a failed
write leaves the picture that was there.
"""

from zoo.plots.grid import image_grid
from zoo.plots.history import curve
from zoo.plots.plane import density_2d

__all__ = ["curve", "density_2d", "image_grid"]
