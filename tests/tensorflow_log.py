"""What TensorFlow logs while something runs."""

import contextlib
import logging

import tensorflow as tf


@contextlib.contextmanager
def said():
    """Gives a list to which each message is added."""
    messages = []

    class Kept(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    kept, logger = Kept(), tf.get_logger()
    logger.addHandler(kept)
    try:
        yield messages
    finally:
        logger.removeHandler(kept)
