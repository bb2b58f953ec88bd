"""Multi-scale RealNVP over images: config to flow."""

from tensorflow_probability import bijectors as tfb

from tfflows import (
    ActNorm,
    Affine,
    BatchNorm,
    Bijector,
    Chain,
    Coupling,
    FactorOut,
    Pixels,
    ScaledTanh,
    Squeeze,
    masks,
)
from zoo.conditioners.conv_net import ConvResNet
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.realnvp import RealNVPImageConfig

NORMS = {"actnorm": ActNorm, "batchnorm": BatchNorm}


def build(config: RealNVPImageConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config, from pixels to latents of the same shape.

    Each scale but the last is: checkerboard couplings, squeeze, channel couplings, and the next
    scale on half of the channels (`FactorOut`). Networks double their width where an image halves.

    Args:
        config: the architecture.
        seed: seed of the initial weights.
        dtype: 'float32', 'float64', or 'mixed_bfloat16' for the networks of a float32 flow.

    Raises:
        ValueError: for an impossible shape or number of scales.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 3.6 and 4.1.
    """
    _check(config)
    scale = _Scales(config, seed, dtype)
    return Chain([Pixels(config.levels, config.alpha), *scale.parts(0, config.image_shape)])


class _Scales:
    """Makes the parts of each scale, all named by scale, mask and number."""

    def __init__(self, config: RealNVPImageConfig, seed: int, dtype: str) -> None:
        self._config, self._seed = config, seed
        self._network_dtype, self._dtype = dtype, VARIABLE_DTYPES[dtype]

    def parts(self, scale: int, shape: tuple[int, ...]) -> list[tfb.Bijector]:
        """Returns the parts of the scale and of all below it, for images of the shape."""
        h, w, c = shape
        last = scale == self._config.scales - 1
        count = self._config.last_couplings if last else self._config.couplings
        boards = [self._checkerboard(scale, k, shape) for k in range(count)]
        if last:
            return _joined(boards)
        squeezed = [self._channel(scale, k, 4 * c) for k in range(self._config.couplings)]
        inner = Chain(self.parts(scale + 1, (h // 2, w // 2, 2 * c)), name=f"scale{scale + 1}")
        return [
            *_joined(boards),
            Squeeze(2),
            *_joined(squeezed),
            FactorOut(inner),
            tfb.Invert(Squeeze(2)),
        ]

    def _checkerboard(
        self, scale: int, k: int, shape: tuple[int, ...]
    ) -> tuple[Bijector, Bijector]:
        h, w, c = shape
        name = f"scale{scale}_checkerboard{k}"
        filters = self._config.filters * 2**scale
        mask = masks.checkerboard(h, w, parity=k % 2)
        return self._coupling(name, mask, c, c, filters), self._norm(name, c)

    def _channel(self, scale: int, k: int, channels: int) -> tuple[Bijector, Bijector]:
        name = f"scale{scale}_channel{k}"
        filters = self._config.filters * 2 ** (scale + 1)
        mask = masks.channels(channels, parity=k % 2)
        half = channels // 2
        return self._coupling(name, mask, half, half, filters), self._norm(name, channels)

    def _coupling(
        self, name: str, mask: "masks.np.ndarray", read: int, moved: int, filters: int
    ) -> Coupling:
        condition_dim = self._config.num_classes or self._config.condition_dim or 0
        affine = Affine(ScaledTanh(name=f"{name}_log_scale", dtype=self._dtype))
        network = ConvResNet(
            moved * affine.num_params,
            in_channels=read,
            filters=filters,
            blocks=self._config.blocks,
            normalization=self._config.net_norm,
            condition_dim=condition_dim,
            seed=self._seed,
            name=name,
            dtype=self._network_dtype,
        )
        return Coupling(mask, network, affine, conditional=condition_dim > 0, name=name)

    def _norm(self, name: str, channels: int) -> Bijector:
        return NORMS[self._config.flow_norm](channels, name=f"{name}_norm", dtype=self._dtype)


def _joined(pairs: list[tuple[Bijector, Bijector]]) -> list[Bijector]:
    return [part for pair in pairs for part in pair]


def _check(config: RealNVPImageConfig) -> None:
    shape = config.image_shape
    if len(shape) != 3 or min(shape) < 1:
        msg = f"`image_shape` must be (height, width, channels); received {shape}."
        raise ValueError(msg)
    if config.flow_norm not in NORMS:
        msg = f"`flow_norm` must be one of {sorted(NORMS)}; received {config.flow_norm!r}."
        raise ValueError(msg)
    for name in ("couplings", "last_couplings"):
        if getattr(config, name) < 2:
            msg = f"`{name}` must be at least 2; received {getattr(config, name)}."
            raise ValueError(msg)
    h, w, _ = shape
    largest = 1
    while h % 2 == 0 and w % 2 == 0 and h * w > 4:
        h, w, largest = h // 2, w // 2, largest + 1
    if not 1 <= config.scales <= largest or shape[0] * shape[1] < 2:
        msg = (
            f"`scales` must be in 1..{largest} for images of {shape[0]} x {shape[1]}; "
            f"received {config.scales}."
        )
        raise ValueError(msg)
