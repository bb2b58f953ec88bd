"""Small models with the shapes and units of those that docs/serving.md serves."""

from models import conditions, data, randomize, twin


def digits(seed=0):
    model = twin("realnvp_digits", image_shape=(8, 8, 1), scales=1, couplings=2, last_couplings=2)
    model.initialize(data(model))
    return randomize(model, 0.05, seed)


def table():
    """Returns a model of two columns that knows the class of a row."""
    model = twin("realnvp_moons", num_classes=2, couplings=2)
    model.initialize(data(model), conditions(model))
    return randomize(model)


MODELS = {"digits": digits, "table": table}
