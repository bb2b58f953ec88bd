"""What a model wants of its data: the shape, the values and the condition of a row."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

from zoo.prepare.checks import Array, finite, in_shape, require_numbers, whole, wrong_shape

if TYPE_CHECKING:
    from zoo.model_spec import ModelSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Form:
    """What a model wants of its data.

    Args:
        event_shape: shape of a row, (H, W, C) or (D,).
        levels: pixels are whole numbers in [0, levels); None means real numbers.
        num_classes: the condition is a whole number in [0, num_classes).
        condition_dim: the condition is a real vector of this width.
        flip: whether training mirrors images from left to right at random.
        dtype: dtype of real numbers.
    """

    event_shape: tuple[int, ...]
    levels: int | None = None
    num_classes: int | None = None
    condition_dim: int | None = None
    flip: bool = False
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Refuses two conditions at once, empty ones, and mirrored vectors."""
        if self.num_classes is not None and self.condition_dim is not None:
            msg = (
                "`num_classes` and `condition_dim` exclude each other; received "
                f"{self.num_classes} and {self.condition_dim}."
            )
            raise ValueError(msg)
        for name in ("num_classes", "condition_dim"):
            size = getattr(self, name)
            if size is not None and size < 1:
                msg = f"`{name}` must be at least 1, or None for no condition; received {size}."
                raise ValueError(msg)
        if self.flip and len(self.event_shape) != 3:
            msg = f"`flip` needs images (H, W, C); received `event_shape` {self.event_shape}."
            raise ValueError(msg)

    @classmethod
    def of(cls, spec: "ModelSpec") -> "Form":
        """Returns what the model of a spec wants."""
        config = spec.config
        return cls(
            event_shape=config.event_shape,
            levels=config.levels,
            num_classes=config.num_classes,
            condition_dim=config.condition_dim,
            flip=spec.training.flip,
            dtype=spec.variable_dtype,
        )

    @property
    def conditional(self) -> bool:
        """Whether the model has a condition."""
        return self.num_classes is not None or self.condition_dim is not None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of a row of 'x' and, in a conditional model, of 'condition'."""
        if not self.conditional:
            return {"x": self.event_shape}
        width = () if self.condition_dim is None else (self.condition_dim,)
        return {"x": self.event_shape, "condition": width}

    @property
    def dtypes(self) -> dict[str, str]:
        """The dtype in which the rows reach the model: pixels of up to 256 levels as bytes."""
        real = self.dtype
        pixels = real if self.levels is None else "uint8" if self.levels <= 256 else "int32"
        return {"x": pixels, "condition": real if self.num_classes is None else "int32"}

    @property
    def initial_rows(self) -> int:
        """Rows by which a model is initialized: a large image tells more than a small one."""
        positions = math.prod(self.event_shape[:-1])
        return min(1024, max(16, 2**14 // positions))

    @property
    def row_bytes(self) -> int:
        """Bytes of a row as it reaches the model, with its condition."""
        sizes = {key: tf.as_dtype(dtype).size for key, dtype in self.dtypes.items()}
        return sum(math.prod(shape) * sizes[key] for key, shape in self.shapes.items())

    def is_batched(self, shape: tf.TensorShape, name: str) -> bool | None:
        """Tells whether data of this shape has an axis of rows; None where it may or may not.

        Raises:
            ValueError: if it fits neither way.
        """
        rows = [list(self.event_shape)]
        if self.event_shape[-1] == 1:
            rows.append(list(self.event_shape[:-1]))
        single = any(shape.is_compatible_with(row) for row in rows)
        batch = any(shape.is_compatible_with([None, *row]) for row in rows)
        if not single and not batch:
            raise ValueError(wrong_shape(name, self.event_shape, shape))
        return None if single and batch else batch

    def shaped(
        self, values: Mapping[str, Array], names: Mapping[str, str], *, batched: bool
    ) -> dict[str, Array]:
        """Returns the values as [B, *shape] or [*shape], the channel added where it was missing."""
        for key, value in values.items():
            require_numbers(value.dtype, names[key])
        return {
            key: in_shape(value, self.shapes[key], names[key], batched=batched)
            for key, value in values.items()
        }

    def checked(self, values: Mapping[str, Array], names: Mapping[str, str]) -> dict[str, Array]:
        """Returns the values in the model's dtypes, every number of them checked."""
        return {key: self._checked(key, value, names[key]) for key, value in values.items()}

    def _checked(self, key: str, value: Array, name: str) -> Array:
        dtype = self.dtypes[key]
        if key == "x" and self.levels is not None:
            return whole(value, self.levels, dtype, name, self._hint())
        if key == "condition" and self.num_classes is not None:
            return whole(value, self.num_classes, dtype, name)
        return finite(value, dtype, name)

    def _hint(self) -> str:
        assert self.levels is not None
        return (
            " Images scaled to [0, 1] or [-1, 1] have to be scaled back: "
            f"pixel = x * {self.levels - 1} in the first case."
        )
