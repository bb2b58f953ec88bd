"""Monotone CDF flows and their presets (Ho et al., "Flow++", arXiv:1902.00275)."""

import dataclasses

from zoo.presets.toys import LINE
from zoo.registry import OwnSize, Preset, Training, register, register_own_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class CDFConfig:
    """The CDF of a mixture of normals of each variable, then the normal quantile.

    The density of one variable is that mixture; samples are found by Newton's method.

    Args:
        event_shape: (D,).
        components: components of each mixture.
        units: hidden units of the network of a condition.
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    components: int = 8
    units: int = 32
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "cdf"

    @property
    def levels(self) -> None:
        """None: the data are real numbers, not grey levels."""
        return None


PAPER = "Ho et al. 2019, Flow++, arXiv:1902.00275"
TRAINING = Training(steps=2_000, batch_size=256, learning_rate=2e-2, clip_norm=5.0)

MEASURED = {
    "mixture": "1.90 nats after 2,000 steps, KL to the true density 0.000",
    "heavy_tail": "1.78 nats after 2,000 steps, KL to the true density 0.002",
}

for toy, description in LINE.items():
    register(
        Preset(
            name=f"cdf_{toy}",
            config=CDFConfig(event_shape=(1,)),
            training=TRAINING,
            dataset=toy,
            description=description,
            paper=PAPER,
            measured=MEASURED.get(toy),
            unit="nats",
            parameters=24,
        )
    )

register_own_size(OwnSize(name="cdf", kinds={"event_shape": (CDFConfig, TRAINING)}, paper=PAPER))
