import os

# Before anything imports TensorFlow or Matplotlib; subprocesses inherit it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
