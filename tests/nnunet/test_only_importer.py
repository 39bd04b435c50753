"""Only one package imports nnunetv2, so that changes in a new version affect only this package."""

import ast
from pathlib import Path

import nnunet_cscn

PACKAGE = Path(nnunet_cscn.__file__).parent


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


def test_only_one_package_imports_nnunetv2():
    importers = {file.relative_to(PACKAGE).parts[0] for file in PACKAGE.rglob("*.py") if "nnunetv2" in imported(file)}
    assert importers == {"nnunet"}
