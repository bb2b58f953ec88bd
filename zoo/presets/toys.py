"""The toys as presets describe them, by the names of `zoo.datasets`."""

PLANE = {
    "moons": "two interleaved half circles in the plane",
    "rings": "concentric rings in the plane",
    "checkerboard": "the squares of a checkerboard in the plane",
    "pinwheel": "spiral arms in the plane",
    "eight_gaussians": "eight Gaussians on a circle in the plane",
}

LINE = {
    "mixture": "a mixture of three Gaussians on the line",
    "skewed": "a shifted gamma distribution on the line",
    "heavy_tail": "Student's t with three degrees of freedom",
}
