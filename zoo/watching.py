"""What each layer of a flow makes of a batch, noted while the model is called."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb

from tfflows import Bijector, Chain, Coupling, FactorOut, foreign
from tfflows.partition import partition
from tfflows.transformer import Transformer

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """What one layer made of a batch on its way from data to latents.

    Args:
        layer: the layer.
        taken: the values that it was given.
        made: the values that it returned.
        log_det: [B] log|det d made / d taken| of each row, in nats.
        log_scales: of a coupling log|dy/dx| of every element that moves, latent x to data y: the
            transformer's log-scales; else None.
    """

    layer: tfb.Bijector
    taken: tf.Tensor
    made: tf.Tensor
    log_det: tf.Tensor
    log_scales: tf.Tensor | None


Note = Callable[[Passage], object]


@contextlib.contextmanager
def watching(model: "FlowModel") -> Iterator[list[Passage]]:
    """Notes within it what each layer makes, in the order data meets them, and then the whole flow.

    It is for eager calls of the model, `model(batch)`: what was traced before goes its own way.

    Args:
        model: the model whose calls are watched.
    """
    flow, passages = model.flow, []
    model.flow = Watched(watched(flow, passages.append), passages.append)
    try:
        yield passages
    finally:
        model.flow = flow


def watched(flow: tfb.Bijector, note: Note) -> tfb.Bijector:
    """Returns the flow, same weights, whose layers note what they make."""
    return rebuilt(flow, lambda layer: Watched(layer, note))


def rebuilt(flow: tfb.Bijector, change: Callable[[tfb.Bijector], tfb.Bijector]) -> tfb.Bijector:
    """Returns the flow with other layers, composed as they are.

    Args:
        flow: a chain, a split by scale, or a layer.
        change: returns what stands in a layer's place.
    """
    if isinstance(flow, Chain):
        return flow.copy(bijectors=[rebuilt(part, change) for part in flow.bijectors])
    if isinstance(flow, FactorOut):
        return flow.copy(inner=rebuilt(flow.inner, change))
    return change(flow)


class Watched(Bijector):
    """A bijector that is another one and notes each pass from data to latents.

    Args:
        part: the other one.
        note: what is called with each passage.
    """

    def __init__(self, part: tfb.Bijector, note: Note) -> None:
        """Wraps the part."""
        parameters = {"part": part, "note": note}
        self._part, self._note = part, note
        super().__init__(
            forward_min_event_ndims=part.forward_min_event_ndims,
            parameters=parameters,
            name=part.name,
        )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {
            "part": tfp.util.BatchedComponentProperties(event_ndims=lambda self, ndims: ndims)  # noqa: ARG005
        }

    @property
    def conditional(self) -> bool:
        """Whether the part needs a condition."""
        return foreign.conditional(self._part)

    def _condition_on(self, condition: Any) -> Self:
        return self.copy(part=foreign.condition_on(self._part, condition))

    def initialize(self, y: Any) -> tf.Tensor:
        """Initialises the part."""
        return foreign.initialize(self._part, y)

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return foreign.forward_and_log_det(self._part, x, self.forward_min_event_ndims)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        part, scales = self._part, None
        if isinstance(part, Coupling):
            scales = _LogScales(part.parameters["transformer"])
            part = part.copy(transformer=scales)
        x, log_det = foreign.inverse_and_log_det(part, y, self.forward_min_event_ndims)
        moving = None if scales is None else scales.moving(self._part.mask)
        of_rows = tf.reduce_sum(log_det, axis=list(range(1, log_det.shape.rank)))
        self._note(Passage(layer=self._part, taken=y, made=x, log_det=of_rows, log_scales=moving))
        return x, log_det


class _LogScales(tf.Module):
    """A transformer that is another one and keeps the log-scales of its last pass to latents."""

    def __init__(self, transformer: Transformer) -> None:
        super().__init__()
        self._transformer = transformer
        self.num_params = transformer.num_params
        self._inverse: tf.Tensor | None = None

    def moving(self, mask: Any) -> tf.Tensor | None:
        """Returns the log-scales [N] of the elements that a mask moves."""
        if self._inverse is None:
            return None
        moves = partition(mask).moving(tf.ones_like(self._inverse))
        return -tf.boolean_mask(self._inverse, moves > 0)

    def forward_and_log_det(self, x: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what the transformer returns."""
        return self._transformer.forward_and_log_det(x, params)

    def inverse_and_log_det(self, y: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what the transformer returns, and keeps the log-dets of the elements."""
        x, self._inverse = self._transformer.inverse_and_log_det(y, params)
        return x, self._inverse
