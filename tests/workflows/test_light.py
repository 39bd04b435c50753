import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys
import nnunet_cscn.workflows
for module in pkgutil.iter_modules(nnunet_cscn.workflows.__path__, "nnunet_cscn.workflows."):
    importlib.import_module(module.name)
print([name for name in ("torch", "nnunetv2") if name in sys.modules])
"""


def test_importing_the_use_cases_imports_no_torch():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, encoding="utf-8", check=True)
    assert run.stdout.strip() == "[]"
