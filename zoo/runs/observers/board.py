"""What a training run shows in TensorBoard: the scalars and the pictures of its folder."""

import pathlib

import tensorflow as tf

from zoo.runs.observers.gallery import Gallery
from zoo.runs.observers.monitor import Monitor
from zoo.runs.step_callback import StepCallback


class Board(StepCallback):
    """Writes events of TensorBoard at the end of each virtual epoch.

    It comes after the monitor and the gallery, and shows what these have just found. Scalars are
    'training/...', 'validation/...' and 'layers/...', images 'pictures/...'; 'latents' is a
    histogram.

    Args:
        path: folder of the events.
        monitor: of the layers.
        gallery: of the pictures.
    """

    def __init__(self, path: pathlib.Path, monitor: Monitor, gallery: Gallery) -> None:
        """Opens no file yet: a run that has saved nothing leaves none behind."""
        super().__init__()
        self._path, self._monitor, self._gallery = path, monitor, gallery
        self._writer: tf.summary.SummaryWriter | None = None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes what is known of this step."""
        step = self.step
        writer = self._writer = self._writer or tf.summary.create_file_writer(str(self._path))
        with writer.as_default(step=step):
            for name, value in (logs or {}).items():
                split = "validation" if name.startswith("val_") else "training"
                tf.summary.scalar(f"{split}/{name.removeprefix('val_')}", float(value))
            self._write_layers(step)
            self._write_pictures(step)
        writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()

    def _write_layers(self, step: int) -> None:
        if self._monitor.measured is None or self._monitor.measured[0] != step:
            return
        for name, value in self._monitor.measured[1].items():
            if name != "step":
                tf.summary.scalar(f"layers/{name}", value)

    def _write_pictures(self, step: int) -> None:
        drawn = self._gallery.drawn
        if drawn is None or drawn.step != step:
            return
        for what, file in drawn.pictures.items():
            pixels = tf.io.decode_png(tf.io.read_file(str(file)), channels=3)
            tf.summary.image(f"pictures/{what}", pixels[None])
        tf.summary.histogram("latents", drawn.latents)
