"""Affine flows and their preset (Kobyzev et al., arXiv:1908.09257)."""

import dataclasses

from zoo.registry import OwnSize, Preset, Training, register, register_own_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class AffineConfig:
    """x = A z + b, a Gaussian with any covariance; given a condition A (exp(s) z + t) + b.

    Args:
        event_shape: (D,).
        matrix: A as 'plu' (triangular factors, never singular), 'dense' (its elements) or
            'householder+scale' (a rotation of scaled variables).
        units: hidden units of the network of a condition.
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    matrix: str = "plu"
    units: int = 32
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "affine"

    @property
    def levels(self) -> None:
        """None: the data are real numbers, not grey levels."""
        return None


PAPER = "Kobyzev et al. 2021, Normalizing Flows, arXiv:1908.09257"
TRAINING = Training(steps=1_000, batch_size=256, learning_rate=1e-2, clip_norm=5.0)

register(
    Preset(
        name="affine_correlated",
        config=AffineConfig(event_shape=(2,)),
        training=TRAINING,
        dataset="correlated",
        description="a Gaussian in the plane with the correlation 0.9",
        paper=PAPER,
        measured="0.70 nats after 1,000 steps, KL to the true density 0.000",
        unit="nats",
        parameters=6,
    )
)

register_own_size(
    OwnSize(name="affine", kinds={"event_shape": (AffineConfig, TRAINING)}, paper=PAPER)
)
