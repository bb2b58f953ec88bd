"""RealNVP and its presets (Dinh et al., "Density estimation using Real NVP", arXiv:1605.08803)."""

import dataclasses

from zoo.registry import Preset, Training, register


@dataclasses.dataclass(frozen=True, kw_only=True)
class RealNVPImageConfig:
    """Multi-scale RealNVP over images, section 3 of the paper.

    Args:
        image_shape: (H, W, C).
        levels: grey levels; pixels are whole numbers in [0, levels).
        alpha: the logit's margin: the flow models logit(alpha + (1 - 2 alpha) x / levels).
        scales: number of scales; all but the last squeeze and factor out half of the channels.
        couplings: checkerboard couplings, and channel couplings, of each scale but the last.
        last_couplings: checkerboard couplings of the last scale.
        filters: feature maps of the networks; the channel couplings' have twice as many.
        blocks: residual blocks of each network.
        flow_norm: 'batchnorm' (the paper's) or 'actnorm' after each coupling.
        net_norm: 'batch' (the paper's) or 'none' inside the networks.
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    image_shape: tuple[int, ...]
    levels: int = 256
    alpha: float = 0.05
    scales: int = 2
    couplings: int = 3
    last_couplings: int = 4
    filters: int = 64
    blocks: int = 8
    flow_norm: str = "batchnorm"
    net_norm: str = "batch"
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "realnvp_image"

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one image: (H, W, C)."""
        return self.image_shape


@dataclasses.dataclass(frozen=True, kw_only=True)
class RealNVPVectorConfig:
    """RealNVP over real vectors: affine couplings with alternating halves of the variables.

    Args:
        event_shape: (D,), with at least 2 variables.
        couplings: number of couplings.
        units: hidden units of each network.
        layers: hidden layers of each network.
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    couplings: int = 8
    units: int = 64
    layers: int = 2
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "realnvp_vector"

    @property
    def levels(self) -> None:
        """None: the data are real numbers, not grey levels."""
        return None


PAPER = "Dinh et al. 2017, Density estimation using Real NVP, arXiv:1605.08803"

register(
    Preset(
        name="realnvp_digits",
        config=RealNVPImageConfig(
            image_shape=(8, 8, 1),
            levels=17,
            couplings=4,
            last_couplings=4,
            filters=32,
            blocks=1,
            flow_norm="actnorm",
            net_norm="none",
        ),
        training=Training(steps=750, batch_size=64, weight_decay=1e-2, clip_norm=5.0),
        dataset="digits",
        description="8 x 8 handwritten digits of scikit-learn, 17 grey levels",
        paper=PAPER,
        unit="bits/dim",
    )
)

register(
    Preset(
        name="realnvp_moons",
        config=RealNVPVectorConfig(event_shape=(2,)),
        training=Training(steps=1500, batch_size=256, clip_norm=5.0),
        dataset="moons",
        description="two interleaved half circles in the plane",
        paper=PAPER,
        unit="nats",
    )
)
