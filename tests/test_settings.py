import pytest

from zoo.registry import preset, resolve
from zoo.runs.settings import parse

DIGITS = preset("realnvp_digits")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("filters=48", 48),
        ("learning_rate=5e-4", 5e-4),
        ("learning_rate=1", 1),
        ("clip_norm=none", None),
        ("num_classes=10", 10),
        ("flip=true", True),
        ("schedule=constant", "constant"),
        ("net_norm=none", "none"),
        ("image_shape=16,16,1", (16, 16, 1)),
        ("image_shape=(16, 16, 1)", (16, 16, 1)),
        (" steps = 3 ", 3),
    ],
)
def test_values_are_read_by_the_types_of_the_fields(setting, value):
    values = parse([setting], DIGITS)
    ((key, found),) = values.items()
    assert found == value
    assert type(found) is type(value)
    resolved = resolve(DIGITS.name, values)
    part = resolved.training if hasattr(resolved.training, key) else resolved.config
    assert getattr(part, key) == value


@pytest.mark.parametrize("setting", ["filters", "=3", "", "="])
def test_what_is_no_setting_is_refused(setting):
    with pytest.raises(ValueError, match="key=value"):
        parse([setting], DIGITS)


def test_a_key_is_given_once():
    with pytest.raises(ValueError, match="filters.*once"):
        parse(["filters=3", "filters=4"], DIGITS)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ("filters=x", TypeError),
        ("filters=", TypeError),
        ("filters=1.5", TypeError),
        ("filters=" + "(" * 500, TypeError),
        ("filters=__import__('os').getcwd()", TypeError),
        ("image_shape=[1,2", TypeError),
        ("steps=none", TypeError),
        ("steps=0", ValueError),
        ("filtres=3", ValueError),
    ],
)
def test_nothing_is_evaluated_and_wrong_values_are_named(setting, error):
    with pytest.raises(error, match=setting.partition("=")[0]):
        resolve(DIGITS.name, parse([setting], DIGITS))
