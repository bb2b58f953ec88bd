"""Pictures of runs and models: image grids, training curves, densities, latents, layers.

Each function writes one file and returns its path. The file appears whole or not at all: a failed
write leaves the picture that was there.
"""

from zoo.plots.changes import changes
from zoo.plots.grid import image_grid
from zoo.plots.history import curve
from zoo.plots.latents import latent_histogram
from zoo.plots.lines import image_lines
from zoo.plots.plane import density_2d
from zoo.plots.warp import Warp, warp
from zoo.plots.warps import warps

__all__ = [
    "Warp",
    "changes",
    "curve",
    "density_2d",
    "image_grid",
    "image_lines",
    "latent_histogram",
    "warp",
    "warps",
]
