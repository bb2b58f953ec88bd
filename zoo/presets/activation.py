"""Deep chains of activations and their presets (Kobyzev et al., arXiv:1908.09257)."""

import dataclasses

from zoo.presets.toys import LINE
from zoo.registry import OwnSize, Preset, Training, register, register_own_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActivationConfig:
    """Learned affine maps and activations in turn, of each variable alone.

    Args:
        event_shape: (D,).
        layers: number of activations; affine maps stand before, between and after them.
        activation: 'tanh' (`TanhStep`), 'sigmoid' (`SigmoidPower`), 'leaky_relu', or 'mixed', the
            three in turn: tanh, the sigmoid and ReLU themselves do not map onto the line.
        units: hidden units of the network of a condition.
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    layers: int = 12
    activation: str = "mixed"
    units: int = 32
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "activation"

    @property
    def levels(self) -> None:
        """None: the data are real numbers, not grey levels."""
        return None


PAPER = "Kobyzev et al. 2021, Normalizing Flows, arXiv:1908.09257"
TRAINING = Training(steps=2_000, batch_size=256, learning_rate=1e-2, clip_norm=5.0)

register(
    Preset(
        name="activation_mixture",
        config=ActivationConfig(event_shape=(1,), activation="tanh"),
        training=TRAINING,
        dataset="mixture",
        description=LINE["mixture"],
        paper=PAPER,
        measured="1.90 nats after 2,000 steps, KL to the true density 0.006",
        unit="nats",
        parameters=51,
    )
)

register(
    Preset(
        name="activation_skewed",
        config=ActivationConfig(event_shape=(1,)),
        training=TRAINING,
        dataset="skewed",
        description=LINE["skewed"],
        paper=PAPER,
        measured="1.85 nats after 2,000 steps, KL to the true density 0.003",
        unit="nats",
        parameters=51,
    )
)

register_own_size(
    OwnSize(name="activation", kinds={"event_shape": (ActivationConfig, TRAINING)}, paper=PAPER)
)
