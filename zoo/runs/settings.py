"""`key=value` as typed on a command line -> overrides of a preset, by the types of its fields."""

import ast
from collections.abc import Sequence
from typing import Any, get_type_hints

from zoo.registry import Preset


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
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not key or not equals:
            msg = f"`--set` must be key=value; received {setting!r}."
            raise ValueError(msg)
        if key in values:
            msg = f"`--set {key}=...` must be given once; received it twice."
            raise ValueError(msg)
        values[key] = text if hints.get(key) is str else _literal(text)
    return values


def _literal(text: str) -> Any:  # noqa: ANN401 - any literal
    word = text.capitalize()
    try:
        return ast.literal_eval(word if word in ("None", "True", "False") else text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
