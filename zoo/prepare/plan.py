"""What is asked of one preparation: the form, the order, and the argument's name."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from zoo.prepare.checks import Array, to_numpy
from zoo.prepare.fields import Field, pick
from zoo.prepare.form import Form


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How data is to be read.

    Args:
        form: what the model wants.
        batch_size: rows of a batch, where the data is not batched yet.
        shuffle: whether rows that are not batched yet are shuffled, and mirrored if the form says.
        seed: seed of both.
        repeat: whether the data starts again at its end.
        argument: what to call the data in an error.
    """

    form: Form
    batch_size: int
    shuffle: bool
    seed: int
    repeat: bool
    argument: str

    @property
    def once(self) -> "Plan":
        """The same plan without a repetition."""
        return dataclasses.replace(self, repeat=False)

    @property
    def flip(self) -> bool:
        """Whether images are mirrored at random."""
        return self.form.flip and self.shuffle

    def pick(self, element: Any) -> dict[str, Field]:  # noqa: ANN401 - any data
        """Returns the fields of an element that the model takes."""
        return pick(element, self.form, self.argument)

    def rows(self, element: Any, *, batched: bool) -> dict[str, Array]:  # noqa: ANN401
        """Returns the checked arrays of an element that lies in memory."""
        fields = self.pick(element)
        names = {key: field.name for key, field in fields.items()}
        arrays = {key: to_numpy(field.value, field.name) for key, field in fields.items()}
        return self.form.checked(self.form.shaped(arrays, names, batched=batched), names)

    def for_keras(self, rows: Mapping[str, Array]) -> tuple:
        """Returns the 1-tuple whose only entry Keras hands to the model's `call`."""
        return (dict(rows),) if self.form.conditional else (rows["x"],)

    def empty(self) -> ValueError:
        """Returns the error for data without a row."""
        return ValueError(f"`{self.argument}` must not be empty; received no rows.")
