"""NICE and its presets (Dinh et al., "NICE", arXiv:1410.8516)."""

import dataclasses

from zoo.presets.toys import PLANE
from zoo.registry import ADDED_LATER, OwnSize, Preset, Training, register, register_own_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class NICEConfig:
    """Additive couplings of even and odd variables, and a learned scale of each latent.

    Args:
        event_shape: (D,) with at least 2 variables; or (H, W, C) for images, with an even width,
            whose even and odd columns take turns.
        levels: grey levels of images; None for real vectors.
        alpha: the logit's margin for images.
        couplings: number of couplings; the paper has 4.
        units: hidden units of each network; the paper has 1000 on MNIST.
        layers: hidden layers of each network; the paper has 5 on MNIST.
        reorder: how couplings of vectors take turns: 'alternate' (the paper's even and odd
            variables), or the first half of variables that are reordered in between, by 'reverse',
            'random' or 'lu', as of `RealNVPVectorConfig`; those of images alternate.
        num_classes: number of classes of a class-conditional model.
        condition_dim: width of the condition of a vector-conditional model.
    """

    event_shape: tuple[int, ...]
    levels: int | None = None
    alpha: float = 0.05
    couplings: int = 4
    units: int = 1000
    layers: int = 5
    reorder: str = dataclasses.field(default="alternate", metadata=ADDED_LATER)
    num_classes: int | None = None
    condition_dim: int | None = None

    @property
    def family(self) -> str:
        """Name of the family."""
        return "nice"


PAPER = "Dinh et al. 2015, NICE, arXiv:1410.8516"

register(
    Preset(
        name="nice_mnist",
        config=NICEConfig(event_shape=(28, 28, 1), levels=256),
        training=Training(steps=20_000, batch_size=128, clip_norm=100.0),
        dataset="mnist",
        description="28 x 28 handwritten digits; the paper's networks, on logits of pixels",
        paper=PAPER,
        paper_result=4.36,
        unit="bits/dim",
        parameters=19_157_570,
    )
)

for toy, description in PLANE.items():
    register(
        Preset(
            name=f"nice_{toy}",
            config=NICEConfig(event_shape=(2,), couplings=8, units=128, layers=2),
            training=Training(steps=1_500, batch_size=256, clip_norm=5.0),
            dataset=toy,
            description=description,
            paper=PAPER,
            unit="nats",
            parameters=135_180,
        )
    )

register(
    Preset(
        name="nice_miniboone",
        config=NICEConfig(event_shape=(43,), couplings=10, units=64, layers=2, reorder="random"),
        training=Training(
            steps=10_000, batch_size=128, learning_rate=5e-4, weight_decay=1e-2, clip_norm=5.0
        ),
        dataset="miniboone",
        description="43 quantities of particle events, standardised",
        paper=PAPER,
        unit="nats",
        parameters=97_796,
    )
)

register_own_size(
    OwnSize(
        name="nice",
        kinds={"event_shape": (NICEConfig, Training(steps=3_000, clip_norm=5.0))},
        paper=PAPER,
    )
)
