"""What each preset costs at its full size: parameters, and graph nodes of a training step.

Seconds differ from machine to machine; the nodes that a first step has to trace do not.
"""

import pytest
import tensorflow as tf

import zoo
from zoo import registry

LARGE = {"realnvp_imagenet32", "realnvp_imagenet64", "realnvp_cifar", "nice_mnist"}
TOYS = ["moons", "rings", "checkerboard", "pinwheel", "eight_gaussians"]

NODES = {
    "nice_mnist": 3_200,
    "nice_moons": 2_200,
    "realnvp_cifar": 10_200,
    "realnvp_digits": 7_400,
    "realnvp_imagenet32": 18_300,
    "realnvp_imagenet64": 21_100,
    "realnvp_mnist": 7_700,
    **{f"realnvp_{toy}": 5_100 for toy in TOYS},
}
"""The largest number of nodes allowed, about a tenth above today's."""


def step_nodes(model):
    """Returns the number of nodes of the graph of one training step, functions included."""
    rows = tf.TensorSpec(
        [model.spec.training.batch_size, *model.event_shape], model.form.dtypes["x"]
    )
    step = tf.function(lambda x: model.train_step((x,)), autograph=False)
    graph = step.get_concrete_function(rows).graph.as_graph_def()
    return len(graph.node) + sum(len(function.node_def) for function in graph.library.function)


def test_every_preset_has_its_budget():
    assert set(NODES) == set(zoo.list())


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in LARGE else ()) for n in NODES]
)
def test_parameters_and_nodes_of_a_step(name):
    model = zoo.get(name)
    trained = sum(v.value.shape.num_elements() for v in model.trainable_variables)
    assert trained == registry.preset(name).parameters
    assert step_nodes(model) <= NODES[name]
