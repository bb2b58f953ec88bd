"""`keras.utils.PyDataset`s, which stay such, with their workers."""

import itertools

import keras
import numpy as np

from zoo.prepare.plan import Plan
from zoo.prepare.prepared import Prepared


def from_py_dataset(source: keras.utils.PyDataset, plan: Plan) -> Prepared:
    """Prepares a PyDataset: its batches in its order, picked and checked."""
    batches = CheckedPyDataset(source, plan)
    size = source.num_batches
    indices = itertools.count() if size is None else range(size)
    data = Prepared(
        batches, lambda: (batches[i] for i in indices), unannounced=False, argument=plan.argument
    )
    data.first_batch(1)
    return data


class CheckedPyDataset(keras.utils.PyDataset):
    """The batches of another PyDataset, with the fields picked and every row checked."""

    def __init__(self, source: keras.utils.PyDataset, plan: Plan) -> None:
        """Takes over the source's workers."""
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self.source = source
        self.plan = plan

    @property
    def num_batches(  # pyright: ignore[reportIncompatibleMethodOverride] - None is Keras's "endless"
        self,
    ) -> int | None:
        """Number of batches; None if there is no end."""
        return None if self.plan.repeat else self.source.num_batches

    def __getitem__(self, index: int) -> tuple:
        """Returns batch `index`."""
        size = self.source.num_batches
        element = self.source[index if size is None else index % size]
        if isinstance(element, list):  # to Keras a list of parts is a tuple
            element = tuple(element)
        rows = self.plan.rows(element, batched=True)
        # For the reason that `as_given` copies.
        return self.plan.for_keras({key: np.copy(value) for key, value in rows.items()})

    def on_epoch_begin(self) -> None:
        """Tells the source."""
        self.source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tells the source."""
        self.source.on_epoch_end()
