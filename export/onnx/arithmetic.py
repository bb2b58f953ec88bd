"""Functions that ONNX has not, to the digits of TensorFlow's: a log-det is often a log of 1 + x."""

import math

import numpy as np

from export.onnx.place import Place, in_place

DEGREE = 14
"""Of the polynomial in `_erfc`, whose own error is then below 1e-9."""

LEAST = 0.08
"""The least t it is fitted at, z = 23: float32 has no erfc beyond z = 11."""


def _log1p(op: Place, x: str) -> str:
    """log(1 + x) = log u + (x - (u - 1)) / u: what rounding 1 + x to u has lost is put back."""
    u = op("Add", x, 1.0)
    kept = op("Sub", u, 1.0)
    log = op("Log", u)
    lost = op("Div", op("Sub", x, kept), u)
    # At -1 and at infinity, where nothing is lost, that is NaN.
    return op("Where", op("Equal", kept, x), log, op("Add", log, lost))


def _expm1(op: Place, x: str) -> str:
    """exp(x) - 1 = tanh(x / 2) (exp(x) + 1)."""
    return op("Mul", op("Tanh", op("Mul", x, 0.5)), op("Add", op("Exp", x), 1.0))


def _erfc(op: Place, x: str) -> str:
    """erfc(z) = t exp(P(t) - z^2) with t = 2 / (2 + z) for z >= 0, and 2 - erfc(z) at -z."""
    z = op("Abs", x)
    t = op("Div", 2.0, op("Add", z, 2.0))
    u = op("Div", op("Sub", t, (1 + LEAST) / 2), (1 - LEAST) / 2)
    exponent = op("Mul", u, 0.0)
    for coefficient in reversed(_erfc_coefficients()):
        exponent = op("Add", op("Mul", exponent, u), coefficient)
    upper = op("Mul", t, op("Exp", op("Sub", exponent, op("Mul", z, z))))
    return op("Where", op("Less", x, 0.0), op("Sub", 2.0, upper), upper)


def _erfc_coefficients() -> list[float]:
    """Returns P of `_erfc` by the powers of u, which is t between -1 and 1."""

    def exponent(t: np.ndarray) -> np.ndarray:
        z = 2.0 / t - 2.0
        return np.array([math.log(math.erfc(v)) for v in z]) + z**2 - np.log(t)

    fitted = np.polynomial.Chebyshev.interpolate(exponent, DEGREE, [LEAST, 1.0])
    return np.polynomial.chebyshev.cheb2poly(fitted.coef).tolist()


HANDLERS = {"Erfc": in_place(_erfc), "Expm1": in_place(_expm1), "Log1p": in_place(_log1p)}
