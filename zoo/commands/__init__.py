"""The commands of `python -m zoo`, a module each; none imports TensorFlow before it must."""
