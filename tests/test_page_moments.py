import numpy as np

from pages import executed


def test_the_estimates_are_the_closed_forms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = executed("moments")
    truths = {
        "mean": [3.0, -1.0],
        "stddev": np.sqrt(np.diag(names["covariance"])),
        "entropy": names["true_entropy"],
        "divergence": names["true_divergence"],
    }
    for name, truth in truths.items():
        value, error = names[name]
        assert np.all(np.abs(value - truth) < 4 * error), name
        assert np.all(error < 0.05), name
