"""MAF and its presets (Papamakarios et al., "Masked Autoregressive Flow", arXiv:1705.07057)."""

import dataclasses

from zoo.presets.toys import PLANE
from zoo.registry import OwnSize, Preset, Training, register, register_own_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class MAFConfig:
    """Masked autoregressive flows, the order of the variables reversed from one to the next.

    Args:
        event_shape: (D,).
        flows: number of autoregressions, each with a masked network (MADE).
        units: hidden units of each network; at least D - 1, or D with a condition.
        layers: hidden layers of each network.
        transformer: 'affine' (the paper's), 'spline' (rational-quadratic) or 'mixture' (of
            logistics, whose samples are found by Newton's method).
        bins: bins of each spline.
        components: components of each mixture.
        flow_norm: 'batchnorm' (the paper's) or 'actnorm' after each autoregression.
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    flows: int = 5
    units: int = 64
    layers: int = 2
    transformer: str = "affine"
    bins: int = 8
    components: int = 8
    flow_norm: str = "actnorm"
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "maf"

    @property
    def levels(self) -> None:
        """None: the data are real numbers, not grey levels."""
        return None


PAPER = "Papamakarios et al. 2017, Masked Autoregressive Flow, arXiv:1705.07057"

MEASURED = {
    "moons": "2.40 nats after 4,000 steps",
    "rings": "2.67 nats after 2,500 steps, KL to the true density 0.038",
    "checkerboard": "3.51 nats after 6,000 steps, KL to the true density 0.044",
    "pinwheel": "2.34 nats after 4,000 steps, KL to the true density 0.024",
    "eight_gaussians": "2.85 nats after 4,000 steps, KL to the true density 0.021",
}

BLOBS = MAFConfig(event_shape=(2,), flows=3, units=32, transformer="mixture")
RINGS = MAFConfig(event_shape=(2,), flows=2, units=96, transformer="mixture", components=16)
FIELDS = MAFConfig(event_shape=(2,), flows=1, layers=4, transformer="spline", bins=12)
TOYS = {
    "moons": (BLOBS, 4_000, 2e-3, 8_220),
    "rings": (RINGS, 2_500, 3e-3, 37_832),
    "checkerboard": (FIELDS, 6_000, 5e-3, 17_226),
    "pinwheel": (BLOBS, 4_000, 2e-3, 8_220),
    "eight_gaussians": (BLOBS, 4_000, 2e-3, 8_220),
}
"""Config, steps, learning rate and parameters by toy.

The conditional densities have several modes, which maps by mixtures or splines make in one
autoregression, and the paper's affine ones in no number of them; sharp edges need splines.
"""

for toy, description in PLANE.items():
    config, steps, learning_rate, parameters = TOYS[toy]
    register(
        Preset(
            name=f"maf_{toy}",
            config=config,
            training=Training(
                steps=steps,
                batch_size=256,
                learning_rate=learning_rate,
                clip_norm=5.0,
                ema=0.999,
            ),
            dataset=toy,
            description=description,
            paper=PAPER,
            measured=MEASURED[toy],
            unit="nats",
            parameters=parameters,
        )
    )

register(
    Preset(
        name="maf_miniboone",
        config=MAFConfig(event_shape=(43,), units=128, flow_norm="batchnorm"),
        training=Training(
            steps=10_000, batch_size=128, learning_rate=5e-4, weight_decay=1e-2, clip_norm=5.0
        ),
        dataset="miniboone",
        description="43 quantities of particle events, standardised",
        paper=PAPER,
        paper_result=11.75,
        unit="nats",
        parameters=166_625,
    )
)

register_own_size(
    OwnSize(
        name="maf",
        kinds={"event_shape": (MAFConfig, Training(steps=3_000, clip_norm=5.0))},
        paper=PAPER,
    )
)
