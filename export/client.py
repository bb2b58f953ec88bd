"""A client of exported models: NumPy in, NumPy out, with TensorFlow alone."""

import json
import os
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from export import request
from export.quiet import quiet


def load(directory: str | os.PathLike[str], version: int | None = None) -> "Client":
    """Returns a client of an exported model; neither Keras, TFP nor the zoo is imported.

    Args:
        directory: the folder of the versions, or that of a single SavedModel.
        version: number of the version, by default the highest.

    Raises:
        ValueError: if there is no such SavedModel.
    """
    folder = pathlib.Path(directory)
    if version is None and _is_model(folder):
        return Client(folder)
    inside = folder.iterdir() if folder.is_dir() else ()
    found = {int(p.name): p for p in inside if p.name.isdecimal() and _is_model(p)}
    if not found:
        msg = f"`directory` must hold exported versions, or be one; {folder} holds none."
        raise ValueError(msg)
    number = max(found) if version is None else version
    if number not in found:
        msg = f"`version` must be one of {sorted(found)}, those in {folder}; received {version!r}."
        raise ValueError(msg)
    return Client(found[number])


def _is_model(path: pathlib.Path) -> bool:
    return (path / "saved_model.pb").is_file()


class Client:
    """A model that was exported, asked as the model itself is.

    Arguments are what NumPy takes; what is wrong of their dtype or shape raises. What is wrong of a
    row's values (NaN, pixels out of range, an unknown class, a negative temperature) makes the
    answer to that row NaN. What each row has one of may also be given once, for all rows.

    Args:
        path: a SavedModel that `export.save` wrote.
    """

    path: pathlib.Path
    """Where the SavedModel is."""
    version: int | None
    """Its number; None where the name of its folder is none."""
    info: dict[str, Any]
    """What `assets.extra/model.json` says of the model; empty where there is no such file."""
    signatures: dict[str, dict[str, tf.TensorSpec]]
    """The inputs of each signature, by name; None is the number of rows in their shapes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Loads the SavedModel."""
        self.path = pathlib.Path(path)
        self.version = int(self.path.name) if self.path.name.isdecimal() else None
        facts = self.path / "assets.extra" / "model.json"
        self.info = json.loads(facts.read_text(encoding="utf-8")) if facts.is_file() else {}
        with quiet("absl"):  # it warns that gradients may be missing: nobody asks for any
            self._loaded: Any = tf.saved_model.load(str(self.path))
        self.signatures = {
            name: dict(function.structured_input_signature[1])
            for name, function in self._loaded.signatures.items()
        }

    def ask(self, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature by their names.

        Args:
            signature: one of `signatures`.
            **inputs: its inputs by name; those that are None are left out.

        Raises:
            TypeError: for an input of another kind.
            ValueError: for an unknown signature, or an input that is missing, unknown, of another
                shape or number of rows, or out of its dtype's range.
        """
        if signature not in self.signatures:
            msg = f"`signature` must be one of {sorted(self.signatures)}; received {signature!r}."
            raise ValueError(msg)
        given = {name: value for name, value in inputs.items() if value is not None}
        arrays = request.arrays(given, self.signatures[signature])
        tensors = {name: tf.constant(array) for name, array in arrays.items()}
        answer = self._loaded.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in answer.items()}

    def log_prob(self, x: Any, condition: Any = None) -> np.ndarray:
        """Returns the log densities [N], in nats, of real data x [N, *event] in its own units."""
        return self.ask("log_prob", x=self._real(x), condition=condition)["log_prob"]

    def bits_per_dim(self, x: Any, condition: Any = None, seed: Any = 0) -> np.ndarray:
        """Returns the bits per dimension [N] of images, a bound by random noise.

        Args:
            x: images [N, *event] of whole numbers.
            condition: class numbers [N] or vectors [N, K] of a conditional model.
            seed: of each row's noise, [N] or one for all.
        """
        answer = self.ask("bits_per_dim", x=x, seed=seed, condition=condition)
        return answer["bits_per_dim"]

    def encode(self, x: Any, condition: Any = None) -> np.ndarray:
        """Returns the latents [N, *event] of real data x [N, *event]."""
        return self.ask("encode", x=self._real(x), condition=condition)["z"]

    def decode(self, z: Any, condition: Any = None) -> np.ndarray:
        """Returns the data [N, *event] of latents z [N, *event]."""
        return self.ask("decode", z=z, condition=condition)["x"]

    def sample(self, num: int, seed: int, condition: Any = None) -> np.ndarray:
        """Returns `num` samples [num, *event], or [num, N, *event] given N conditions."""
        if np.any(np.asarray(num) < 0):
            msg = f"`num` must be at least 0; received {num!r}."
            raise ValueError(msg)
        return self.ask("sample", num=num, seed=seed, condition=condition)["x"]

    def sample_rows(self, seeds: Any, temperature: Any = 1.0, condition: Any = None) -> np.ndarray:
        """Returns a sample for each seed: that of (s, i) is row i of `sample(num, s)`.

        Args:
            seeds: [N, 2].
            temperature: factor of the latents' standard deviation, [N] or one for all.
            condition: class numbers [N] or vectors [N, K] of a conditional model.
        """
        answer = self.ask("sample_rows", seed=seeds, temperature=temperature, condition=condition)
        return answer["x"]

    def _real(self, x: Any) -> np.ndarray:
        """Refuses whole pixels where real ones are meant, as the model does."""
        array = np.asarray(x)
        if "bits_per_dim" in self.signatures and array.dtype.kind in "iu":
            msg = (
                f"`x` must hold real numbers, for a density; received {array.dtype}. For the "
                "probability of whole pixels use `bits_per_dim`, which adds noise."
            )
            raise TypeError(msg)
        return array
