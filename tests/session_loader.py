"""A SavedModel loaded into a session and fed as a server feeds it."""

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from export.quiet import quiet


class SessionLoader:
    """What TensorFlow's C++ makes of requests: no Python looks at their dtypes and shapes."""

    def __init__(self, path):
        config = config_pb2.ConfigProto()
        config.graph_options.rewrite_options.disable_meta_optimizer = True  # a waste for few runs
        with tf.Graph().as_default(), quiet("tensorflow"):
            session = tf.compat.v1.Session(config=config)
            loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
        served = {k: v for k, v in loaded.signature_def.items() if not k.startswith("__")}
        self.signatures = {name: _callable(session, proto) for name, proto in served.items()}

    def ask(self, signature, inputs):
        """Returns the one output, given all inputs as arrays by name."""
        names, call = self.signatures[signature]
        return call(*(inputs[name] for name in names))[0]


def _callable(session, proto):
    # `Session.run` would cast dtypes and check shapes; this is what it calls in the end.
    options = config_pb2.CallableOptions(
        feed=[tensor.name for tensor in proto.inputs.values()],
        fetch=[tensor.name for tensor in proto.outputs.values()],
    )
    return list(proto.inputs), session._make_callable_from_options(options)
