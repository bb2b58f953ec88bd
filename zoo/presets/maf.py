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

for toy, description in PLANE.items():
    register(
        Preset(
            name=f"maf_{toy}",
            config=MAFConfig(event_shape=(2,), flows=8),
            training=Training(steps=4_000, batch_size=256, clip_norm=5.0),
            dataset=toy,
            description=description,
            paper=PAPER,
            unit="nats",
            parameters=36_936,
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
