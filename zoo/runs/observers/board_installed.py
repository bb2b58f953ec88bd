"""Whether TensorBoard is there, asked before TensorFlow is imported."""

import importlib.util


def check_tensorboard() -> None:
    """Raises a ValueError that says what to install, if TensorBoard is not there."""
    if importlib.util.find_spec("tensorboard") is None:
        msg = "`--tensorboard` needs TensorBoard, an extra: pip install tfflows[tensorboard]"
        raise ValueError(msg)
