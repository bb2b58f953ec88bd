"""The table of bijectors: a row each, small enough for a brute-force Jacobian.

`test_bijectors.py` runs every property over every row; a new public bijector needs a row here.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from tfflows import (
    PLU,
    ActNorm,
    Additive,
    Affine,
    Autoregressive,
    BatchNorm,
    Chain,
    Coupling,
    DenseAffine,
    Elementwise,
    FactorOut,
    Householder,
    Interval,
    KerasModule,
    LeakyReLU,
    MixtureCDF,
    Permute,
    Pixels,
    RationalQuadratic,
    Reverse,
    ScaledTanh,
    ShiftedSigmoid,
    SigmoidPower,
    Squeeze,
    Standardize,
    TanhStep,
    Transformer,
    foreign,
    masks,
)
from zoo.conditioners.made import MADE

CONDITION = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A bijector and what a test must know to call it."""

    name: str
    make: Callable[[int, str], tfb.Bijector]  # (seed, dtype or policy of the networks)
    event_shape: tuple[int, ...]  # of the latents
    conditional: bool = False
    base: Callable[..., tfd.Distribution] = tfd.Normal  # a latent element's distribution, and
    parameters: tuple[float, float] = (0.0, 1.0)  # its parameters: what `forward` accepts
    far_latents: bool = True  # `forward` takes any real numbers
    far_data: bool = True  # `inverse` takes any real numbers
    slow_to_compile: bool = False  # XLA takes seconds, for what another row has
    sequential: str | None = None  # the direction that takes more than one pass, if any

    def __str__(self) -> str:
        return self.name

    def base_distribution(self, dtype: str = "float64") -> tfd.Distribution:
        element = self.base(*np.asarray(self.parameters, dtype))
        return tfd.Sample(element, self.event_shape)

    def latents(self, batch: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> tf.Tensor:
        return self.base_distribution(dtype).sample(batch, seed=(seed, 7))

    def condition(self, batch: tuple[int, ...], dtype: str = "float64") -> tf.Tensor:
        return normal((*batch, CONDITION), seed=11, dtype=dtype)

    def bound(
        self, bijector: tfb.Bijector, batch: tuple[int, ...], dtype: str = "float64"
    ) -> tfb.Bijector:
        """Returns the bijector, and a conditional one bound to a condition for each of a batch."""
        if not self.conditional:
            return bijector
        return foreign.condition_on(bijector, self.condition(batch, dtype))

    def bound_to(self, condition: tf.Tensor) -> tfb.Bijector:
        """Returns the shared bijector, a conditional one bound to the condition."""
        return foreign.condition_on(self.shared, condition) if self.conditional else self.shared

    def build(self, seed: int = 0, dtype: str = "float64") -> tfb.Bijector:
        """Returns a new bijector at random weights."""
        return randomized(self.make(seed, dtype), seed)

    @functools.cached_property
    def shared(self) -> tfb.Bijector:
        """A float64 bijector that tests share: they must not assign to its weights."""
        return self.build()

    @functools.cached_property
    def shared_float32(self) -> tfb.Bijector:
        """A float32 bijector that tests share: they must not assign to its weights."""
        return self.build(dtype="float32")


def slow_to_compile(case: Case) -> Case:
    return dataclasses.replace(case, slow_to_compile=True)


def normal(shape: tuple[int, ...], seed: int = 0, dtype: str = "float64") -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), dtype)


def randomized(bijector: tfb.Bijector, seed: int, scale: float = 0.1) -> tfb.Bijector:
    """Moves every float weight a little, for networks at zero hide what is wrong."""
    random = np.random.default_rng(100 + seed)
    for variable in bijector.variables:
        noise = scale * random.normal(size=variable.shape)
        if variable.dtype.is_floating:
            variable.assign(variable + tf.cast(noise, variable.dtype))
        elif variable.dtype == tf.bool:
            variable.assign(True)  # noqa: FBT003
    return bijector


def network_names(bijector: tfb.Bijector) -> list[str]:
    """Names of the conditioners: the layers of the bijector that are called on data."""
    modules = [m for m in bijector.submodules if isinstance(m, KerasModule)]
    return [m.layer.name for m in modules if isinstance(m.layer, keras.Model)]


# Networks. `keras.Input` has a dtype of its own: float32 there would round float64 data.


def network(
    name: str,
    seed: int,
    dtype: str,
    shape: tuple[int | None, ...],
    outputs: int,
    *,
    conditional: bool = False,
) -> keras.Model:
    """Returns a small tanh network over vectors [D] or images [H, W, C], as users build it."""

    def layer(units: int, key: int, **options: object) -> keras.layers.Layer:
        common = {
            "kernel_initializer": keras.initializers.GlorotNormal(seed=1000 * seed + key),
            "dtype": dtype,
            **options,
        }
        if len(shape) == 1:
            return keras.layers.Dense(units, **common)
        return keras.layers.Conv2D(units, 3, padding="same", **common)

    data_dtype = keras.DTypePolicy(dtype).variable_dtype
    x = keras.Input(shape, dtype=data_dtype, name=f"{name}_x")
    inputs, h = x, layer(6, 1)(x)
    if conditional:
        c = keras.Input((CONDITION,), dtype=data_dtype, name=f"{name}_c")
        inputs = [x, c]
        projected = keras.layers.Dense(6, use_bias=False, name="condition", dtype=dtype)(c)
        target = (*[1] * (len(shape) - 1), 6)
        projected = keras.layers.Reshape(target, dtype=dtype)(projected)
        h = keras.layers.Multiply(dtype=dtype)([h, projected])
    h = keras.layers.Activation("tanh", dtype=dtype)(h)
    return keras.Model(inputs, layer(outputs, 2)(h), name=name)


def condition_network(name: str, seed: int, dtype: str, outputs: tuple[int, ...]) -> keras.Model:
    """Returns a small tanh network from conditions to parameters of a shape."""
    c = keras.Input((CONDITION,), dtype=weights_dtype(dtype), name=f"{name}_c")
    h = keras.layers.Dense(6, use_bias=False, name="condition", dtype=dtype)(c)
    h = keras.layers.Activation("tanh", dtype=dtype)(h)
    initializer = keras.initializers.GlorotNormal(seed=1000 * seed + 3)
    h = keras.layers.Dense(int(np.prod(outputs)), kernel_initializer=initializer, dtype=dtype)(h)
    return keras.Model(c, keras.layers.Reshape(outputs, dtype=dtype)(h), name=name)


def weights_dtype(dtype: str) -> str:
    return keras.DTypePolicy(dtype).variable_dtype


def additive(dtype: str, name: str) -> Additive:
    return Additive()


def scaled_tanh(dtype: str, name: str) -> Affine:
    return Affine(ScaledTanh(name=f"{name}_log_scale", dtype=weights_dtype(dtype)))


def shifted_sigmoid(dtype: str, name: str) -> Affine:
    return Affine(ShiftedSigmoid())


def spline(dtype: str, name: str) -> RationalQuadratic:
    return RationalQuadratic(bins=4)


def logistics(dtype: str, name: str) -> MixtureCDF:
    return MixtureCDF(components=3)


def normals(dtype: str, name: str) -> MixtureCDF:
    return MixtureCDF(components=3, kind="normal")


def tanh_step(dtype: str, name: str) -> TanhStep:
    return TanhStep()


def sigmoid_power(dtype: str, name: str) -> SigmoidPower:
    return SigmoidPower()


def coupling(
    mask: np.ndarray,
    transformer: Callable[[str, str], Transformer],
    seed: int,
    dtype: str,
    *,
    sees: tuple[int | None, ...],
    moves: int,
    conditional: bool = False,
    name: str = "coupling",
) -> Coupling:
    """Returns a coupling whose network sees values of a shape, of which `moves` channels move."""
    made = transformer(dtype, name)
    outputs = moves * made.num_params
    net = network(f"{name}_net", seed, dtype, sees, outputs, conditional=conditional)
    return Coupling(mask, net, made, conditional=conditional, name=name)


def coupling_case(
    name: str,
    mask: np.ndarray,
    transformer: Callable[[str, str], Transformer],
    event_shape: tuple[int, ...],
    *,
    sees: tuple[int | None, ...],
    moves: int,
    conditional: bool = False,
) -> Case:
    def make(seed: int, dtype: str) -> Coupling:
        return coupling(
            mask, transformer, seed, dtype, sees=sees, moves=moves, conditional=conditional
        )

    return Case(f"Coupling-{name}", make, event_shape, conditional=conditional)


def vector_coupling(
    seed: int, dtype: str, name: str, parity: int = 0, *, conditional: bool = False
) -> Coupling:
    """Returns the coupling that compositions use on vectors of 4."""
    mask = masks.alternating(4, parity)
    return coupling(
        mask, scaled_tanh, seed, dtype, sees=(2,), moves=2, conditional=conditional, name=name
    )


# Autoregressions.


def masked_network(
    name: str, seed: int, dtype: str, order: Sequence[int], num_params: int, *, conditional: bool
) -> keras.Model:
    """Returns a small MADE, as a part of a model: with a condition it sees an embedding of it.

    A model has no way of its own through the sequential direction.
    """
    data_dtype, embedding = weights_dtype(dtype), 2
    inputs = seen = keras.Input((len(order),), dtype=data_dtype, name=f"{name}_x")
    if conditional:
        c = keras.Input((CONDITION,), dtype=data_dtype, name=f"{name}_c")
        initializer = keras.initializers.GlorotNormal(seed=1000 * seed + 4)
        embed = keras.layers.Dense(
            embedding,
            use_bias=False,
            kernel_initializer=initializer,
            name="condition",
            dtype=dtype,
        )
        inputs, seen = [inputs, c], [inputs, embed(c)]
    width = embedding if conditional else 0
    made = small_made(f"{name}_made", seed, dtype, order, num_params, width)
    return keras.Model(inputs, made(seen), name=name)


def plain_made(
    name: str, seed: int, dtype: str, order: Sequence[int], num_params: int, *, conditional: bool
) -> MADE:
    """Returns a small MADE as it is, which solves the sequential direction itself."""
    width = CONDITION if conditional else 0
    return small_made(name, seed, dtype, order, num_params, width)


def small_made(
    name: str, seed: int, dtype: str, order: Sequence[int], num_params: int, condition_dim: int
) -> MADE:
    """Returns a MADE of six units in two layers."""
    return MADE(
        num_params,
        variables=len(order),
        units=6,
        layers=2,
        order=order,
        condition_dim=condition_dim,
        seed=seed,
        name=name,
        dtype=dtype,
    )


def autoregressive(
    transformer: Callable[[str, str], Transformer],
    size: int,
    seed: int,
    dtype: str,
    *,
    conditional: bool = False,
    name: str = "autoregressive",
    network: Callable[..., keras.layers.Layer] = masked_network,
) -> Autoregressive:
    """Returns an autoregression over [size] in an order that depends on the seed."""
    made = transformer(dtype, name)
    order = np.random.default_rng(seed).permutation(size)
    net = network(f"{name}_net", seed, dtype, order, made.num_params, conditional=conditional)
    return Autoregressive(net, made, variables=size, conditional=conditional, name=name)


def autoregressive_case(
    name: str,
    transformer: Callable[[str, str], Transformer],
    size: int,
    *,
    conditional: bool = False,
    inverted: bool = False,
    far: bool = True,
    network: Callable[..., keras.layers.Layer] = masked_network,
) -> Case:
    def make(seed: int, dtype: str) -> tfb.Bijector:
        made = autoregressive(
            transformer, size, seed, dtype, conditional=conditional, network=network
        )
        return tfb.Invert(made) if inverted else made

    return Case(
        f"{'tfb.Invert-' if inverted else ''}Autoregressive-{name}",
        make,
        (size,),
        conditional=conditional,
        sequential="inverse" if inverted else "forward",
        far_latents=far,
        far_data=far,
    )


# Compositions.


def mixed_parts(seed: int, dtype: str) -> list[tfb.Bijector]:
    """Returns our bijectors and TFP's, over vectors of 4, with every second coupling inverted."""
    weights = weights_dtype(dtype)
    return [
        Standardize(4, dtype=weights),
        vector_coupling(seed, dtype, "a"),
        tfb.Shift(tf.constant([0.3, -0.2, 0.1, 0.5], weights)),
        Permute.random(4, seed=seed),
        tfb.Invert(vector_coupling(seed, dtype, "b", 1)),
        ActNorm(4, dtype=weights),
        tfb.Scale(tf.constant(1.5, weights)),
        Reverse(),
        BatchNorm(4, dtype=weights),
    ]


def multiscale(seed: int, dtype: str, *, conditional: bool = False) -> Chain:
    """Returns RealNVP over images [4, 4, 1] in three scales, the last [1, 1, 4]."""

    def board(name: str, size: int, channels: int, parity: int = 0) -> Coupling:
        mask = masks.checkerboard(size, size, parity)
        return coupling(
            mask,
            scaled_tanh,
            seed,
            dtype,
            sees=(size, size, channels),
            moves=channels,
            conditional=conditional,
            name=name,
        )

    def channel(name: str, channels: int, parity: int) -> Coupling:
        mask = masks.channels(channels, parity)
        half = channels // 2
        return coupling(
            mask,
            shifted_sigmoid,
            seed,
            dtype,
            sees=(None, None, half),
            moves=half,
            conditional=conditional,
            name=name,
        )

    def norm(name: str, channels: int) -> ActNorm:
        return ActNorm(channels, name=name, dtype=weights_dtype(dtype))

    deepest = FactorOut(channel("scale2", 4, 1))
    inner = [
        board("scale1_board", 2, 2, 1),
        Squeeze(2),
        channel("scale1_channel", 8, 0),
        norm("scale1_norm", 8),
        deepest,
        tfb.Invert(Squeeze(2)),
    ]
    return Chain(
        [
            Pixels(17),
            board("scale0_board", 4, 1),
            Squeeze(2),
            tfb.Invert(channel("scale0_channel", 4, 0)),
            norm("scale0_norm", 4),
            FactorOut(Chain(inner)),
            tfb.Invert(Squeeze(2)),
        ]
    )


def conditional_chain(seed: int, dtype: str) -> Chain:
    """Returns conditional and unconditional couplings, ours and TFP's wrappers, over [4]."""
    weights = weights_dtype(dtype)
    mask = masks.half(2)
    small = [
        coupling(mask, scaled_tanh, seed, dtype, sees=(1,), moves=1, conditional=True, name="in0"),
        tfb.Invert(
            coupling(
                ~mask, scaled_tanh, seed, dtype, sees=(1,), moves=1, conditional=True, name="in1"
            )
        ),
    ]
    return Chain(
        [
            vector_coupling(seed, dtype, "a", conditional=True),
            tfb.Shift(tf.constant(0.5, weights)),
            vector_coupling(seed, dtype, "b", 1),
            FactorOut(Chain(small)),
            tfb.Invert(Chain([vector_coupling(seed, dtype, "c", 1, conditional=True)])),
            tfb.Scale(tf.constant(1.5, weights)),
        ]
    )


def elementwise(
    transformer: Callable[[str, str], Transformer],
    event_shape: tuple[int, ...],
    seed: int,
    dtype: str,
    *,
    conditional: bool = False,
    name: str = "elementwise",
) -> Elementwise:
    made, net = transformer(dtype, name), None
    if conditional:
        *positions, channels = event_shape or (1,)
        outputs = (*positions, made.num_params * channels)
        net = condition_network(f"{name}_net", seed, dtype, outputs)
    weights = weights_dtype(dtype)
    return Elementwise(made, event_shape, conditioner=net, name=name, dtype=weights)


def elementwise_case(
    name: str,
    transformer: Callable[[str, str], Transformer],
    event_shape: tuple[int, ...],
    *,
    conditional: bool = False,
) -> Case:
    def make(seed: int, dtype: str) -> Elementwise:
        return elementwise(transformer, event_shape, seed, dtype, conditional=conditional)

    return Case(f"Elementwise-{name}", make, event_shape, conditional=conditional)


def deep_one_dimensional(seed: int, dtype: str) -> Chain:
    """Returns a composition of ten fixed and learned maps of numbers, over [3]."""

    def affine(name: str) -> Elementwise:
        return elementwise(scaled_tanh, (3,), seed, dtype, name=name)

    return Chain(
        [
            tfb.Sigmoid(),
            affine("a"),
            tfb.Tanh(),
            affine("b"),
            LeakyReLU(3, dtype=weights_dtype(dtype)),
            affine("c"),
            tfb.Tanh(),
            affine("d"),
            tfb.Invert(elementwise(spline, (3,), seed, dtype, name="e")),
            affine("f"),
        ]
    )


def small_inner(seed: int, dtype: str, size: int) -> Chain:
    mask = masks.half(size)
    return Chain(
        [coupling(mask, scaled_tanh, seed, dtype, sees=(size // 2,), moves=size // 2)]
        + [ActNorm(size, dtype=weights_dtype(dtype))]
    )


UNEVEN = np.array([True, False, False, True, False])
UNEVEN_IMAGE = np.array([[1, 0, 0], [0, 1, 1]], bool)[:, :, None] ^ np.array([True, False])
TWO_THIRDS = np.array([[[True, False, True]]])
ROWS = np.array([True, False])[:, None, None]
MIDDLE = np.array([False, True, True, False])
COLUMNS = np.array([True, False, False, True])[None, :, None]

COUPLINGS = [
    coupling_case("half-Additive", masks.half(4), additive, (4,), sees=(2,), moves=2),
    coupling_case("half1-ScaledTanh", masks.half(4, 1), scaled_tanh, (4,), sees=(2,), moves=2),
    coupling_case(
        "alternating-ShiftedSigmoid",
        masks.alternating(4),
        shifted_sigmoid,
        (4,),
        sees=(2,),
        moves=2,
    ),
    coupling_case(
        "alternating1-Additive", masks.alternating(4, 1), additive, (4,), sees=(2,), moves=2
    ),
    coupling_case("middle-ScaledTanh", MIDDLE, scaled_tanh, (4,), sees=(2,), moves=2),
    coupling_case("odd_half-ScaledTanh", masks.half(5), scaled_tanh, (5,), sees=(5,), moves=5),
    coupling_case("uneven-ShiftedSigmoid", UNEVEN, shifted_sigmoid, (5,), sees=(5,), moves=5),
    coupling_case(
        "checkerboard-ScaledTanh",
        masks.checkerboard(3, 2),
        scaled_tanh,
        (3, 2, 2),
        sees=(None, None, 2),
        moves=2,
    ),
    coupling_case(
        "checkerboard1-Additive",
        masks.checkerboard(2, 3, 1),
        additive,
        (2, 3, 1),
        sees=(2, 3, 1),
        moves=1,
    ),
    coupling_case(
        "channels-ShiftedSigmoid",
        masks.channels(4),
        shifted_sigmoid,
        (2, 1, 4),
        sees=(2, 1, 2),
        moves=2,
    ),
    coupling_case(
        "channels1-ScaledTanh",
        masks.channels(2, 1),
        scaled_tanh,
        (2, 2, 2),
        sees=(None, None, 1),
        moves=1,
    ),
    coupling_case(
        "two_thirds-ScaledTanh", TWO_THIRDS, scaled_tanh, (2, 1, 3), sees=(2, 1, 3), moves=3
    ),
    coupling_case(
        "uneven_image-ScaledTanh", UNEVEN_IMAGE, scaled_tanh, (2, 3, 2), sees=(2, 3, 2), moves=2
    ),
    coupling_case("rows-ScaledTanh", ROWS, scaled_tanh, (2, 3, 2), sees=(1, 3, 2), moves=2),
    coupling_case("columns-Additive", COLUMNS, additive, (2, 4, 1), sees=(2, 2, 1), moves=1),
    coupling_case("half-spline", masks.half(4), spline, (4,), sees=(2,), moves=2),
    coupling_case("channels-spline", masks.channels(4), spline, (2, 1, 4), sees=(2, 1, 2), moves=2),
    coupling_case(
        "checkerboard-spline", masks.checkerboard(2, 3), spline, (2, 3, 1), sees=(2, 3, 1), moves=1
    ),
    coupling_case(
        "conditional-half-spline",
        masks.half(4, 1),
        spline,
        (4,),
        sees=(2,),
        moves=2,
        conditional=True,
    ),
    coupling_case("half-logistics", masks.half(4), logistics, (4,), sees=(2,), moves=2),
    coupling_case(
        "checkerboard-normals",
        masks.checkerboard(2, 3),
        normals,
        (2, 3, 1),
        sees=(None, None, 1),
        moves=1,
    ),
    slow_to_compile(
        coupling_case(
            "conditional-half-normals",
            masks.half(4, 1),
            normals,
            (4,),
            sees=(2,),
            moves=2,
            conditional=True,
        )
    ),
    coupling_case(
        "conditional-half-ScaledTanh",
        masks.half(4),
        scaled_tanh,
        (4,),
        sees=(2,),
        moves=2,
        conditional=True,
    ),
    coupling_case(
        "conditional-uneven-Additive",
        UNEVEN,
        additive,
        (5,),
        sees=(5,),
        moves=5,
        conditional=True,
    ),
    coupling_case(
        "conditional-checkerboard-ShiftedSigmoid",
        masks.checkerboard(2, 3),
        shifted_sigmoid,
        (2, 3, 1),
        sees=(2, 3, 1),
        moves=1,
        conditional=True,
    ),
    coupling_case(
        "conditional-channels-ScaledTanh",
        masks.channels(4, 1),
        scaled_tanh,
        (1, 2, 4),
        sees=(1, 2, 2),
        moves=2,
        conditional=True,
    ),
]

SINGLE = [
    Case("Squeeze-2", lambda seed, dtype: Squeeze(2), (1, 2, 4)),
    Case("Squeeze-1x2", lambda seed, dtype: Squeeze((1, 2)), (2, 1, 4)),
    Case("Squeeze-3", lambda seed, dtype: Squeeze(3), (1, 1, 9)),
    Case("FactorOut-default", lambda seed, dtype: FactorOut(small_inner(seed, dtype, 2)), (5,)),
    Case(
        "FactorOut-keep",
        lambda seed, dtype: FactorOut(small_inner(seed, dtype, 4), keep=4),
        (5,),
    ),
    Case(
        "FactorOut-Pixels",
        lambda seed, dtype: FactorOut(Pixels(4), keep=1),
        (2, 1, 3),
        far_data=False,
    ),
    Case("ActNorm-vector", lambda seed, dtype: ActNorm(4, dtype=weights_dtype(dtype)), (4,)),
    Case("ActNorm-image", lambda seed, dtype: ActNorm(3, dtype=weights_dtype(dtype)), (2, 2, 3)),
    Case(
        "Standardize-vector", lambda seed, dtype: Standardize(4, dtype=weights_dtype(dtype)), (4,)
    ),
    Case(
        "Standardize-image",
        lambda seed, dtype: Standardize(3, dtype=weights_dtype(dtype)),
        (2, 2, 3),
    ),
    Case("BatchNorm-vector", lambda seed, dtype: BatchNorm(4, dtype=weights_dtype(dtype)), (4,)),
    Case(
        "BatchNorm-image", lambda seed, dtype: BatchNorm(3, dtype=weights_dtype(dtype)), (2, 2, 3)
    ),
    elementwise_case("Affine", scaled_tanh, (4,)),
    elementwise_case("spline-image", spline, (2, 1, 3)),
    elementwise_case("Affine-scalar", scaled_tanh, ()),
    elementwise_case("spline-scalar", spline, ()),
    elementwise_case("conditional-Affine-image", scaled_tanh, (2, 1, 2), conditional=True),
    elementwise_case("conditional-spline", spline, (4,), conditional=True),
    elementwise_case("conditional-spline-scalar", spline, (), conditional=True),
    elementwise_case("TanhStep", tanh_step, (4,)),
    elementwise_case("SigmoidPower-image", sigmoid_power, (2, 1, 3)),
    elementwise_case("conditional-SigmoidPower", sigmoid_power, (4,), conditional=True),
    elementwise_case("logistics", logistics, (4,)),
    elementwise_case("normals-image", normals, (2, 1, 2)),
    slow_to_compile(elementwise_case("normals-scalar", normals, ())),
    slow_to_compile(elementwise_case("conditional-logistics", logistics, (4,), conditional=True)),
    Case("PLU-vector", lambda seed, dtype: PLU(4, seed, dtype=weights_dtype(dtype)), (4,)),
    Case("PLU-image", lambda seed, dtype: PLU(3, seed, dtype=weights_dtype(dtype)), (2, 1, 3)),
    Case(
        "DenseAffine-vector",
        lambda seed, dtype: DenseAffine.random(4, seed=seed, dtype=weights_dtype(dtype)),
        (4,),
    ),
    Case(
        "DenseAffine-image",
        lambda seed, dtype: DenseAffine(2.0 * np.eye(3), dtype=weights_dtype(dtype)),
        (2, 1, 3),
    ),
    Case(
        "Householder-vector",
        lambda seed, dtype: Householder(4, seed=seed, dtype=weights_dtype(dtype)),
        (4,),
    ),
    Case(
        "Householder-image",
        lambda seed, dtype: Householder(3, 2, seed=seed, dtype=weights_dtype(dtype)),
        (2, 1, 3),
    ),
    Case("LeakyReLU-vector", lambda seed, dtype: LeakyReLU(4, dtype=weights_dtype(dtype)), (4,)),
    Case(
        "LeakyReLU-image",
        lambda seed, dtype: LeakyReLU(3, 2.0, dtype=weights_dtype(dtype)),
        (2, 2, 3),
    ),
    Case("Permute-vector", lambda seed, dtype: Permute.random(7, seed=seed), (7,)),
    Case("Permute-image", lambda seed, dtype: Permute.random(5, seed=seed), (1, 2, 5)),
    Case("Reverse-vector", lambda seed, dtype: Reverse(), (4,)),
    Case("Reverse-image", lambda seed, dtype: Reverse(), (1, 2, 3)),
    Case("Pixels-scalar", lambda seed, dtype: Pixels(17), (), far_data=False),
    Case("Pixels-image", lambda seed, dtype: Pixels(alpha=0.01), (2, 2, 1), far_data=False),
    Case("Interval-scalar", lambda seed, dtype: Interval(-1.0, 2.0), (), far_data=False),
    Case(
        "Interval-vector",
        lambda seed, dtype: Interval([0.0, -3.0, 1.0], [1.0, 3.0, 1.5]),
        (3,),
        far_data=False,
    ),
]

COMPOSITIONS = [
    Case("Chain-empty", lambda seed, dtype: Chain([]), (3,)),
    Case("Chain-mixed", lambda seed, dtype: Chain(mixed_parts(seed, dtype)), (4,)),
    Case(
        "Chain-Sigmoid",
        lambda seed, dtype: Chain([tfb.Sigmoid(), vector_coupling(seed, dtype, "a"), Reverse()]),
        (4,),
        far_latents=False,  # a sigmoid in float32 is 0 or 1 there, as TFP has it
        far_data=False,
    ),
    Case("Chain-one-dimensional", deep_one_dimensional, (3,), far_data=False),
    Case("Chain-multiscale", multiscale, (4, 4, 1), far_data=False),
    Case(
        "tfb.Invert-Coupling",
        lambda seed, dtype: tfb.Invert(vector_coupling(seed, dtype, "a")),
        (4,),
    ),
    Case(
        "tfb.Invert-Chain",
        lambda seed, dtype: tfb.Invert(Chain(mixed_parts(seed, dtype))),
        (4,),
        slow_to_compile=True,
    ),
    Case("tfb.Invert-Squeeze", lambda seed, dtype: tfb.Invert(Squeeze(2)), (2, 4, 1)),
    Case(
        "tfb.Invert-Pixels",
        lambda seed, dtype: tfb.Invert(Pixels(4)),
        (3,),
        base=tfd.Uniform,
        parameters=(0.0, 4.0),
        far_latents=False,
    ),
    Case(
        "tfb.Invert-Interval",
        lambda seed, dtype: tfb.Invert(Interval(0.0, 4.0)),
        (3,),
        base=tfd.Uniform,
        parameters=(0.0, 4.0),
        far_latents=False,
    ),
    Case(
        "tfb.Chain-mixed",
        lambda seed, dtype: tfb.Chain(mixed_parts(seed, dtype)),
        (4,),
        slow_to_compile=True,
    ),
    Case(
        "tfb.Chain-in-Chain",
        lambda seed, dtype: Chain(
            [
                tfb.Chain([vector_coupling(seed, dtype, "a"), Reverse()]),
                tfb.Invert(tfb.Chain([vector_coupling(seed, dtype, "b"), Reverse()])),
            ]
        ),
        (4,),
    ),
    Case("Chain-conditional", conditional_chain, (4,), conditional=True),
    Case(
        "Chain-conditional-multiscale",
        lambda seed, dtype: multiscale(seed, dtype, conditional=True),
        (4, 4, 1),
        conditional=True,
        far_data=False,
        slow_to_compile=True,
    ),
    Case(
        "tfb.Invert-conditional",
        lambda seed, dtype: tfb.Invert(conditional_chain(seed, dtype)),
        (4,),
        conditional=True,
        slow_to_compile=True,
    ),
]

AUTOREGRESSIONS = [
    autoregressive_case("one-ScaledTanh", scaled_tanh, 1),
    autoregressive_case("two-ShiftedSigmoid", shifted_sigmoid, 2),
    autoregressive_case("five-ScaledTanh", scaled_tanh, 5),
    autoregressive_case("four-Additive", additive, 4),
    autoregressive_case("spline", spline, 3),
    autoregressive_case("conditional-ScaledTanh", scaled_tanh, 3, conditional=True),
    autoregressive_case("mixture", logistics, 2),
    autoregressive_case("conditional-one-ShiftedSigmoid", shifted_sigmoid, 1, conditional=True),
    autoregressive_case("ScaledTanh", scaled_tanh, 4, inverted=True),
    autoregressive_case("MADE-five-ScaledTanh", scaled_tanh, 5, network=plain_made),
    autoregressive_case("MADE-one-ScaledTanh", scaled_tanh, 1, network=plain_made),
    autoregressive_case("MADE-conditional-spline", spline, 3, conditional=True, network=plain_made),
    autoregressive_case(
        "MADE-conditional-ScaledTanh",
        scaled_tanh,
        4,
        conditional=True,
        inverted=True,
        network=plain_made,
    ),
    autoregressive_case("conditional-spline", spline, 3, conditional=True, inverted=True),
    Case(
        "Chain-Autoregressive",
        lambda seed, dtype: Chain(
            [
                autoregressive(scaled_tanh, 3, seed, dtype, name="a"),
                ActNorm(3, dtype=weights_dtype(dtype)),
                autoregressive(spline, 3, seed + 10, dtype, name="b"),
            ]
        ),
        (3,),
        sequential="forward",
        slow_to_compile=True,
    ),
]

CASES = COUPLINGS + AUTOREGRESSIONS + SINGLE + COMPOSITIONS
