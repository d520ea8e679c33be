"""What counts as a check of a workflow, and what does not."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

import pytest

from pynomaly_itest.testing.checking import MarkingLoader, checked, counting, importing_from


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path, loader=MarkingLoader(path.stem, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with importing_from(path.parent):
        spec.loader.exec_module(module)
    return module


def checks_of(folder: Path, body: str) -> int:
    """How much a function with this body checks."""
    path = folder / "flow.py"
    path.write_text(
        "import contextlib\ndef flow(x=1, xs=()):\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    )
    module = load(path)
    with counting() as checks:
        module.flow()
    return checks.count


@pytest.mark.parametrize(
    "body",
    [
        "assert x == 1",
        "assert x, 'a message'",
        "if x > 1:\n    raise AssertionError('too many')",
        "if x > 1:\n    pass\nelif x > 2:\n    raise ValueError",
        "for y in (1, 2):\n    assert y",
        "import unittest\nunittest.TestCase().assertEqual(x, 1)",
        "ok = [assert_close(y) for y in (1,)] if False else assert_ok()",
        "class Reply:\n    def raise_for_status(self): ...\nReply().raise_for_status()",
        "verify_scores = _check_it = print\nverify_scores()",
        "with raises(ValueError):\n    raise ValueError",
        "try:\n    int('no')\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('was taken')",
        "match x:\n    case 2:\n        raise AssertionError",
        "def inner():\n    assert x\ninner()",
    ],
)
def test_what_checks(tmp_path: Path, body: str) -> None:
    (tmp_path / "conftest_like.py").write_text("")
    setup = "assert_ok = lambda: None\nraises = contextlib.suppress\n"
    assert checks_of(tmp_path, setup + body) >= 1


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "x + 1",
        "print",
        "assert True",
        "for y in xs:\n    assert y",
        "if x > 1:\n    assert x",
        "def never():\n    assert x",
        "return {'latency_ms': [1.0, 2.0]}",
    ],
)
def test_what_checks_nothing(tmp_path: Path, body: str) -> None:
    assert checks_of(tmp_path, body) == 0


def test_what_is_imported_from_beside_counts_too(tmp_path: Path) -> None:
    (tmp_path / "beside_checks.py").write_text("def small(x):\n    assert x < 10\n")
    (tmp_path / "beside_package").mkdir()
    (tmp_path / "beside_package" / "__init__.py").write_text("from beside_package.inner import odd\n")
    (tmp_path / "beside_package" / "inner.py").write_text("def odd(x):\n    assert x % 2\n")
    path = tmp_path / "flow.py"
    path.write_text(
        "from beside_checks import small\nfrom beside_package import odd\n\ndef flow():\n    small(1), odd(3)\n"
    )
    before = list(sys.path), list(sys.meta_path)
    module = load(path)
    assert (sys.path, sys.meta_path) == before
    with counting() as checks:
        module.flow()
    assert checks.count == 2


def test_what_is_installed_below_the_folder_is_somebody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / ".venv" / "site-packages" / "installed_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "inner.py").write_text("def odd(x):\n    assert x % 2\n")
    monkeypatch.syspath_prepend(str(package.parent))
    path = tmp_path / "flow.py"
    path.write_text("from installed_package.inner import odd\n\ndef flow():\n    odd(3)\n")
    module = load(path)
    with counting() as checks:
        module.flow()
    assert checks.count == 0


def test_lines_and_source_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    path.write_text(
        '"""Doc."""\nfrom __future__ import annotations\n\ndef flow():\n    x = 2\n    assert x == 3\n'
    )
    module = load(path)
    assert module.__doc__ == "Doc."
    with pytest.raises(AssertionError) as caught:
        module.flow()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.lineno, last.line) == (6, "assert x == 3")


def test_outside_of_a_run_nothing_is_counted() -> None:
    checked()
    with counting() as outer:
        with counting() as inner:
            checked()
        assert (outer.count, inner.count) == (0, 1)
