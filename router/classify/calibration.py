"""From sums to probabilities: slopes and biases by maximum likelihood on mails that were not trained on."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from router.classify.features import SHAPE
from router.classify.judging import Head, Numbers, Sums

BIAS_PENALTY = 1e-3
SLOPE_PENALTY = 1e-5
"""Times the sum of squares of everything that a plain head does not have."""


class Form(StrEnum):
    """PLAIN: one slope for the whole mail and one for its highest sentence, neither negative. SHAPED: and the mail's
    shape. CROSSED: every label's sums count for every label.
    """

    PLAIN = "plain"
    SHAPED = "shaped"
    CROSSED = "crossed"


def calibrate(
    sums: Sums,
    targets: NDArray[np.int64],
    weights: Numbers,
    labels: tuple[str, ...],
    columns: slice,
    form: Form,
    prior: Numbers,
) -> Head:
    """The head that makes `targets` likeliest. sums: of this head's columns. weights: what each mail counts. prior: as
    in Head.
    """
    width = len(labels)
    share = weights / weights.sum()
    truth = (targets == 1).astype(float)[:, None] if width == 1 else np.eye(width)[targets]
    unit = np.eye(width)

    def head(parameters: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        bias, rest = parameters[:width], parameters[width:]
        if form is Form.CROSSED:
            whole, peak = rest.reshape(2, width, width)
            return whole, peak, np.zeros((SHAPE, width)), bias
        shape = rest[2:].reshape(SHAPE, width) if form is Form.SHAPED else np.zeros((SHAPE, width))
        return unit * rest[0], unit * rest[1], shape, bias

    def loss(parameters: Numbers) -> tuple[float, Numbers]:
        """Minus the mean log-likelihood with its penalties, and its gradient."""
        whole, peak, shape, bias = head(parameters)
        logits = sums.whole @ whole + sums.peak @ peak + sums.shape @ shape + bias
        if width == 1:
            each = np.logaddexp(0, -logits[:, 0] * np.where(targets == 1, 1, -1))
            found = 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
        else:
            top = logits.max(axis=1, keepdims=True)
            powers = np.exp(logits - top)
            total = powers.sum(axis=1, keepdims=True)
            each = (top + np.log(total))[:, 0] - logits[np.arange(len(targets)), targets]
            found = powers / total
        error = (found - truth) * share[:, None]
        by_whole, by_peak = sums.whole.T @ error, sums.peak.T @ error
        penalty = BIAS_PENALTY * np.mean(np.square(bias))
        by_bias = error.sum(axis=0) + BIAS_PENALTY * 2 * bias / width
        if form is Form.CROSSED:
            rest = np.concatenate([by_whole.ravel(), by_peak.ravel()]) + SLOPE_PENALTY * 2 * parameters[width:]
            penalty += SLOPE_PENALTY * np.square(parameters[width:]).sum()
        else:
            rest = np.array([np.trace(by_whole), np.trace(by_peak)])
            if form is Form.SHAPED:
                rest = np.concatenate([rest, (sums.shape.T @ error + SLOPE_PENALTY * 2 * shape).ravel()])
                penalty += SLOPE_PENALTY * np.square(shape).sum()
        return float(share @ each + penalty), np.concatenate([by_bias, rest])

    if form is Form.CROSSED:
        slopes = [*unit.ravel(), *(0.2 * unit).ravel()]
        bounds = [(-20.0, 20.0)] * len(slopes)
    else:
        shaped = [0.0] * (SHAPE * width) if form is Form.SHAPED else []
        slopes = [1.0, 0.2, *shaped]
        bounds = [(0.05, 20.0), (0.0, 20.0), *([(-20.0, 20.0)] * len(shaped))]
    found = minimize(
        loss,
        np.array([*([0.0] * width), *slopes]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-20.0, 20.0)] * width + bounds,
        options={"maxiter": 2000, "ftol": 1e-12},
    )
    whole, peak, shape, bias = head(found.x)
    return Head(labels, columns, bias, whole, peak, shape, prior)
