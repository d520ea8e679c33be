from __future__ import annotations

import subprocess
import sys

import pytest

from pynomaly.detection import algorithms, resolve
from pynomaly.domain.errors import UnknownAlgorithm

EXPECTED = {
    "abod": "ABOD",
    "auto": "Auto",
    "cblof": "CBLOF",
    "copod": "COPOD",
    "ecod": "ECOD",
    "hbos": "HBOS",
    "isolation_forest": "IsolationForest",
    "knn": "KNN",
    "local_outlier_factor": "LocalOutlierFactor",
    "mcd": "MCD",
    "one_class_svm": "OneClassSVM",
    "pca": "PCA",
}


def test_every_algorithm_is_there_under_both_names() -> None:
    assert {spec.name: spec.platform_name for spec in algorithms()} == EXPECTED
    for name, platform_name in EXPECTED.items():
        assert resolve(name) is resolve(platform_name)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("LOF", "local_outlier_factor"),
        ("lof", "local_outlier_factor"),
        ("IForest", "isolation_forest"),
        ("isolation-forest", "isolation_forest"),
        ("Isolation Forest", "isolation_forest"),
        ("OCSVM", "one_class_svm"),
        ("knn", "knn"),
    ],
)
def test_usual_names_are_understood(alias: str, name: str) -> None:
    assert resolve(alias).name == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [("isolation_forrest", "did you mean 'isolation_forest'?"), ("qqqq", "there are: abod, auto, cblof")],
)
def test_unknown_name_gets_a_suggestion(name: str, hint: str) -> None:
    with pytest.raises(UnknownAlgorithm, match=name) as caught:
        resolve(name)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


def test_the_catalogue_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pynomaly.detection import algorithms; algorithms();"
        "print([name for name in ('pyod', 'sklearn', 'scipy', 'numba', 'pandas') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_scoring_a_stored_model_imports_no_fitting_library(tmp_path_factory: pytest.TempPathFactory) -> None:
    import numpy as np

    from pynomaly.detection import save_model

    directory = tmp_path_factory.mktemp("models") / "auto"
    save_model(resolve("auto").fit(np.random.default_rng(0).normal(size=(50, 3)), seed=1), directory)
    code = (
        "import sys; from pynomaly.detection import load_model, warm_up; warm_up();"
        "print(len(load_model(sys.argv[1]).score([[0, 0, 0]])),"
        "[name for name in ('pyod', 'sklearn', 'scipy.stats', 'scipy.spatial') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code, directory], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "1 []"
