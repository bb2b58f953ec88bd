"""Maps of single variables and their presets (Papamakarios et al., arXiv:1912.02762)."""

import dataclasses

from zoo.presets.toys import LINE, PLANE
from zoo.registry import OwnSize, Preset, Training, register, register_own_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class ElementwiseConfig:
    """A monotone map of its own for each variable; variables stay independent of each other.

    Args:
        event_shape: (D,).
        layers: number of maps of each variable, with a learned scale and shift after each.
        transformer: 'affine', 'spline' (rational-quadratic, linear tails) or 'cdf' (of a mixture
            of normals, then the normal quantile: tails as wide as the widest component).
        bins: bins of each spline.
        bound: splines act on (-bound, bound), in standard deviations of the data.
        components: components of each mixture.
        units: hidden units of the network of a condition.
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    layers: int = 2
    transformer: str = "spline"
    bins: int = 16
    bound: float = 8.0
    components: int = 8
    units: int = 32
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "elementwise"

    @property
    def levels(self) -> None:
        """None: the data are real numbers, not grey levels."""
        return None


PAPER = "Papamakarios et al. 2021, Normalizing Flows, arXiv:1912.02762"
TRAINING = Training(steps=3_000, batch_size=256, learning_rate=1e-2, clip_norm=5.0)

MEASURED = {
    "mixture": "1.89 nats after 3,000 steps, KL to the true density 0.008",
    "skewed": "1.85 nats after 3,000 steps, KL to the true density 0.002",
}

for toy, config in {
    "mixture": ElementwiseConfig(event_shape=(1,)),
    "skewed": ElementwiseConfig(event_shape=(1,)),
    # The tails of a spline are Gaussian ones, which these data have not.
    "heavy_tail": ElementwiseConfig(event_shape=(1,), transformer="cdf"),
}.items():
    register(
        Preset(
            name=f"elementwise_{toy}",
            config=config,
            training=TRAINING,
            dataset=toy,
            description=LINE[toy],
            paper=PAPER,
            measured=MEASURED.get(toy),
            unit="nats",
            parameters=98 if config.transformer == "spline" else 52,
        )
    )

register(
    Preset(
        name="elementwise_moons",
        config=ElementwiseConfig(event_shape=(2,)),
        training=TRAINING,
        dataset="moons",
        description=f"{PLANE['moons']}, as if they were independent: what couplings are for",
        paper=PAPER,
        unit="nats",
        parameters=196,
    )
)

register_own_size(
    OwnSize(
        name="elementwise",
        kinds={"event_shape": (ElementwiseConfig, TRAINING)},
        paper=PAPER,
    )
)
