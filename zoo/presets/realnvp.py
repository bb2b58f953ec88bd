"""RealNVP and its presets (Dinh et al., "Density estimation using Real NVP", arXiv:1605.08803)."""

import dataclasses

from zoo.presets.toys import PLANE
from zoo.registry import ADDED_LATER, OwnSize, Preset, Training, register, register_own_size


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
    """RealNVP over real vectors: affine couplings of two halves of the variables.

    Args:
        event_shape: (D,), with at least 2 variables.
        couplings: number of couplings.
        units: hidden units of each network.
        layers: hidden layers of each network.
        reorder: how couplings take turns: 'alternate' (even and odd variables), or the first half
            of variables that are reordered in between, by 'reverse' (the order reversed), 'random'
            (a permutation drawn with the seed) or 'lu' (that and a learned linear map).
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    couplings: int = 8
    units: int = 64
    layers: int = 2
    reorder: str = dataclasses.field(default="alternate", metadata=ADDED_LATER)
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
            filters=32,
            blocks=1,
            flow_norm="actnorm",
            net_norm="none",
        ),
        training=Training(steps=750, batch_size=64, weight_decay=1e-2, clip_norm=5.0),
        dataset="digits",
        description="8 x 8 handwritten digits of scikit-learn, 17 grey levels",
        paper=PAPER,
        measured="2.02 bits/dim after 750 steps",
        unit="bits/dim",
        parameters=762_368,
    )
)

register(
    Preset(
        name="realnvp_mnist",
        config=RealNVPImageConfig(
            image_shape=(28, 28, 1),
            couplings=4,
            filters=16,
            blocks=2,
            flow_norm="actnorm",
            net_norm="none",
        ),
        training=Training(
            steps=6_500, batch_size=32, learning_rate=2e-3, weight_decay=1e-2, clip_norm=5.0
        ),
        dataset="mnist",
        description="28 x 28 handwritten digits; trains on a CPU, smaller than the paper's",
        paper=PAPER,
        paper_result=1.06,
        measured="1.29 bits/dim after 6,500 steps",
        unit="bits/dim",
        parameters=372_672,
    )
)

register(
    Preset(
        name="realnvp_cifar",
        config=RealNVPImageConfig(image_shape=(32, 32, 3)),
        training=Training(steps=200_000, batch_size=64, clip_norm=100.0, flip=True),
        dataset="cifar10",
        description="32 x 32 photographs of ten kinds of things; the paper's model",
        paper=PAPER,
        paper_result=3.49,
        unit="bits/dim",
        parameters=19_583_712,
    )
)

register(
    Preset(
        name="realnvp_imagenet32",
        config=RealNVPImageConfig(image_shape=(32, 32, 3), scales=4, filters=32, blocks=4),
        training=Training(steps=500_000, batch_size=64, clip_norm=100.0),
        dataset="downsampled_imagenet/32x32",
        description="32 x 32 photographs of a thousand kinds of things; the paper's model",
        paper=PAPER,
        paper_result=4.28,
        unit="bits/dim",
        parameters=46_175_232,
    )
)

register(
    Preset(
        name="realnvp_imagenet64",
        config=RealNVPImageConfig(image_shape=(64, 64, 3), scales=5, filters=32, blocks=2),
        training=Training(steps=500_000, batch_size=64, clip_norm=100.0),
        dataset="downsampled_imagenet/64x64",
        description="64 x 64 photographs of a thousand kinds of things; the paper's model",
        paper=PAPER,
        paper_result=3.98,
        unit="bits/dim",
        parameters=96_294_774,
    )
)

for toy, description in PLANE.items():
    register(
        Preset(
            name=f"realnvp_{toy}",
            config=RealNVPVectorConfig(event_shape=(2,), couplings=12),
            training=Training(steps=4_000, batch_size=256, clip_norm=5.0),
            dataset=toy,
            description=description,
            paper=PAPER,
            unit="nats",
            parameters=53_076,
            measured="2.40 nats after 4,000 steps" if toy == "moons" else None,
        )
    )

register(
    Preset(
        name="realnvp_miniboone",
        config=RealNVPVectorConfig(event_shape=(43,), couplings=10, reorder="lu"),
        training=Training(
            steps=10_000, batch_size=128, learning_rate=5e-4, weight_decay=1e-2, clip_norm=5.0
        ),
        dataset="miniboone",
        description="43 quantities of particle events, standardised",
        paper=PAPER,
        unit="nats",
        parameters=143_558,
    )
)

register_own_size(
    OwnSize(
        name="realnvp",
        kinds={
            "image_shape": (
                RealNVPImageConfig,
                Training(steps=20_000, batch_size=64, clip_norm=100.0),
            ),
            "event_shape": (RealNVPVectorConfig, Training(steps=3_000, clip_norm=5.0)),
        },
        paper=PAPER,
    )
)
