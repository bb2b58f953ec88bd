"""`key=value` as typed on a command line -> overrides of a preset, by the types of its fields."""

import ast
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from zoo.registry import SIZES, Preset, base, own_size


def overrides(name: str, settings: Sequence[str]) -> dict[str, Any]:
    """Returns the overrides of a preset, or of a family whose size is among them.

    Args:
        name: a preset, or a family such as 'realnvp'.
        settings: as `parse` takes them.

    Raises:
        ValueError: as `parse`; for an unknown name, and for a family without a size or with two.
        TypeError: for a size of another type.
    """
    texts = _pairs(settings)
    family = own_size(name)
    if family is not None and sum(key in texts for key in family.kinds) != 1:
        shown = " or ".join(f"--set {key}={typed(SIZES[key])}" for key in family.kinds)
        msg = (
            f"`name` {name!r} is a family: give it one size of your own, {shown}. "
            f"`info {name}` has its options."
        )
        raise ValueError(msg)
    sizes = {key: _literal(text) for key, text in texts.items() if key in SIZES}
    return parse(settings, base(name, sizes))


def parse(settings: Sequence[str], preset: Preset) -> dict[str, Any]:
    """Returns values by field name; nothing is evaluated but literals.

    Args:
        settings: such as 'filters=48', 'schedule=constant', 'clip_norm=none' or
            'image_shape=16,16,1'.
        preset: whose config and training have the fields.

    Raises:
        ValueError: for a setting without '=' and for a key given twice. Unknown keys and wrong
            types are left to `registry.resolve`, which knows the alternatives.
    """
    hints = get_type_hints(type(preset.config)) | get_type_hints(type(preset.training))
    return {
        key: text if hints.get(key) is str else _literal(text)
        for key, text in _pairs(settings).items()
    }


def typed(value: object) -> str:
    """Writes a value as it is typed."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _pairs(settings: Sequence[str]) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not key or not equals:
            msg = f"`--set` must be key=value; received {setting!r}."
            raise ValueError(msg)
        if key in texts:
            msg = f"`--set {key}=...` must be given once; received it twice."
            raise ValueError(msg)
        texts[key] = text
    return texts


def _literal(text: str) -> Any:  # noqa: ANN401 - any literal
    word = text.capitalize()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of '1or 2', which is text
            return ast.literal_eval(word if word in ("None", "True", "False") else text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
