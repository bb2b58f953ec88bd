"""What people have -> what the model takes, once, before Keras sees it."""

from zoo.prepare.any_data import prepare
from zoo.prepare.arrays import validation_split
from zoo.prepare.form import Form
from zoo.prepare.prepared import Prepared, reading
from zoo.prepare.row_source import ArrayRows, RowSource, from_step

__all__ = [
    "ArrayRows",
    "Form",
    "Prepared",
    "RowSource",
    "from_step",
    "prepare",
    "reading",
    "validation_split",
]
