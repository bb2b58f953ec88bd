"""What each preset costs at its full size: parameters, and graph nodes of a training step.

Seconds differ from machine to machine; the nodes that a first step has to trace do not.
"""

import fnmatch

import pytest
import tensorflow as tf

import zoo
from zoo import registry

LARGE = {"realnvp_imagenet32", "realnvp_imagenet64", "realnvp_cifar", "nice_mnist"}

NODES = {
    "activation_mixture": 4_300,
    "activation_skewed": 3_900,
    "affine_correlated": 600,
    "cdf_*": 2_500,
    "elementwise_heavy_tail": 5_000,
    "elementwise_*": 2_000,
    "iaf_moons": 10_000,
    "maf_*": 4_200,
    "nice_mnist": 3_500,
    "nice_miniboone": 4_200,
    "nice_*": 3_000,
    "realnvp_cifar": 10_700,
    "realnvp_digits": 8_000,
    "realnvp_imagenet32": 19_000,
    "realnvp_imagenet64": 22_000,
    "realnvp_miniboone": 9_000,
    "realnvp_mnist": 8_400,
    "realnvp_*": 5_600,
    "spline_miniboone": 14_500,
    "spline_*": 8_000,
}
"""The largest number of nodes allowed, about a tenth above today's, by pattern of the name."""


def distinct(names):
    """Returns a preset of each architecture and batch size: toys have the same ones."""
    found = {}
    for name in names:
        preset = registry.preset(name)
        found.setdefault((preset.config, preset.training.batch_size), name)
    return list(found.values())


def step_nodes(model):
    """Returns the number of nodes of the graph of one training step, functions included."""
    rows = tf.TensorSpec(
        [model.spec.training.batch_size, *model.event_shape], model.form.dtypes["x"]
    )
    step = tf.function(lambda x: model.train_step((x,)), autograph=False)
    graph = step.get_concrete_function(rows).graph.as_graph_def()
    return len(graph.node) + sum(len(function.node_def) for function in graph.library.function)


def budget(name):
    return next(nodes for pattern, nodes in NODES.items() if fnmatch.fnmatch(name, pattern))


@pytest.mark.parametrize("name", zoo.list())
def test_every_preset_knows_its_parameters(name):
    assert registry.preset(name).parameters > 0
    assert budget(name) > 0


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in LARGE else ()) for n in distinct(zoo.list())],
)
def test_parameters_and_nodes_of_a_step(name):
    model = zoo.get(name)
    trained = sum(v.value.shape.num_elements() for v in model.trainable_variables)
    same = [n for n in zoo.list() if registry.preset(n).config == registry.preset(name).config]
    assert {registry.preset(n).parameters for n in same} == {trained}
    assert step_nodes(model) <= budget(name)
