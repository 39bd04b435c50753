"""The public Python API: a change of it is seen in review."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import nnunet_cscn

SIGNATURES = Path(__file__).with_name("public_api.txt")


def signatures() -> str:
    lines = []
    for name in sorted(nnunet_cscn.__all__):
        found = getattr(nnunet_cscn, name)
        if inspect.isclass(found):
            lines.append(f"class {name}")
        else:
            lines.append(f"{name}{inspect.signature(found)}")
    return "\n".join(lines) + "\n"


def test_names_and_signatures_are_those_written_down():
    """After a change that is meant: python tests/test_public_api.py, and a line in CHANGELOG.md."""
    assert signatures() == SIGNATURES.read_text(encoding="utf-8")


def test_every_public_name_has_a_docstring():
    for name in nnunet_cscn.__all__:
        assert inspect.getdoc(getattr(nnunet_cscn, name)), name


def test_every_public_name_is_listed_before_it_is_imported():
    code = "import nnunet_cscn; assert set(nnunet_cscn.__all__) <= set(dir(nnunet_cscn))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, nnunet_cscn, nnunet_cscn.workflows;"
        "print([m for m in ('torch', 'nnunetv2', 'numpy', 'pandas', 'SimpleITK') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8")
    assert done.stdout.strip() == "[]"


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'evaluate_everything'"):
        _ = nnunet_cscn.evaluate_everything


if __name__ == "__main__":
    SIGNATURES.write_text(signatures(), encoding="utf-8")
