"""Keeping freed memory in the process."""

import platform
import subprocess
import sys

import pytest

from nnunet_cscn.training import freed_memory

PROGRAM = """
import resource, sys
import numpy as np
from nnunet_cscn.training.freed_memory import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()
faults = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**24)  # 128 MiB
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


def page_faults(choice):
    done = subprocess.run([sys.executable, "-c", PROGRAM, choice], capture_output=True, check=True, encoding="utf-8")
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone can keep freed memory")
def test_memory_that_was_freed_is_used_again():
    assert page_faults("keep") < 10 <= page_faults("return")


@pytest.mark.parametrize("missing", [OSError(), AttributeError(), TypeError()])
def test_other_systems_are_left_alone(monkeypatch, missing):
    def absent(_name):
        raise missing

    monkeypatch.setattr(freed_memory.ctypes, "CDLL", absent)
    freed_memory.keep_freed_memory()
