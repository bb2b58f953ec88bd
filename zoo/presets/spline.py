"""RQ-NSF (C) and its presets (Durkan et al., "Neural Spline Flows", arXiv:1906.04032)."""

import dataclasses

from zoo.presets.toys import PLANE
from zoo.registry import OwnSize, Preset, Training, register, register_own_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplineConfig:
    """Neural spline flow with couplings: rational-quadratic splines, linear maps between them.

    Args:
        event_shape: (D,), with at least 2 variables.
        couplings: number of couplings.
        units: hidden units of each network.
        layers: hidden layers of each network.
        bins: bins of each spline.
        bound: splines act on (-bound, bound), in standard deviations of the data.
        reorder: what stands between the couplings: 'lu' (the paper's: a random permutation and a
            learned linear map), 'random' (the permutation alone), 'reverse' (the reversed order)
            or 'alternate' (nothing; couplings take turns of even and odd variables).
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    couplings: int = 6
    units: int = 64
    layers: int = 2
    bins: int = 8
    bound: float = 4.0
    reorder: str = "lu"
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "spline"

    @property
    def levels(self) -> None:
        """None: the data are real numbers, not grey levels."""
        return None


PAPER = "Durkan et al. 2019, Neural Spline Flows, arXiv:1906.04032"

MEASURED = {
    "eight_gaussians": "2.86 nats after 4,000 steps, KL to the true density 0.027",
    "moons": "2.40 nats after 4,000 steps",
}

for toy, description in PLANE.items():
    register(
        Preset(
            name=f"spline_{toy}",
            config=SplineConfig(event_shape=(2,), bins=16),
            training=Training(steps=4_000, batch_size=256, learning_rate=2e-3, clip_norm=5.0),
            dataset=toy,
            description=description,
            paper=PAPER,
            measured=MEASURED.get(toy),
            unit="nats",
            parameters=44_088,
        )
    )

register(
    Preset(
        name="spline_miniboone",
        config=SplineConfig(event_shape=(43,), couplings=10, units=32, layers=3, bins=4, bound=3.0),
        training=Training(
            steps=10_000, batch_size=128, learning_rate=5e-4, weight_decay=1e-2, clip_norm=5.0
        ),
        dataset="miniboone",
        description="43 quantities of particle events, standardised",
        paper=PAPER,
        paper_result=9.67,
        unit="nats",
        parameters=208_318,
    )
)

register_own_size(
    OwnSize(
        name="spline",
        kinds={"event_shape": (SplineConfig, Training(steps=3_000, clip_norm=5.0))},
        paper=PAPER,
    )
)
