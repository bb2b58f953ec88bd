"""IAF and its presets (Kingma et al., "Inverse Autoregressive Flow", arXiv:1606.04934)."""

import dataclasses

from zoo.presets.maf import MAFConfig
from zoo.registry import OwnSize, Preset, Training, register, register_own_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class IAFConfig(MAFConfig):
    """Inverse autoregressive flows: the options of `MAFConfig`, each autoregression inverted.

    Samples, and densities of samples, are one pass; densities of data, and training on data, are
    sequential.
    """

    @property
    def family(self) -> str:
        """Name of the family."""
        return "iaf"


PAPER = "Kingma et al. 2016, Inverse Autoregressive Flow, arXiv:1606.04934"

register(
    Preset(
        name="iaf_moons",
        config=IAFConfig(event_shape=(2,), flows=8),
        training=Training(steps=4_000, batch_size=256, clip_norm=5.0),
        dataset="moons",
        description="two interleaved half circles in the plane",
        paper=PAPER,
        unit="nats",
        parameters=36_936,
    )
)

register_own_size(
    OwnSize(
        name="iaf",
        kinds={"event_shape": (IAFConfig, Training(steps=3_000, clip_norm=5.0))},
        paper=PAPER,
    )
)
