"""Keeping freed memory in the process."""

import os
import platform
import subprocess
import sys

import pytest

from nnunet_cscn import freed_memory

# prints by how much the heap shrinks when a block is freed, of which no page is touched
PROGRAM = """
import ctypes, sys
import numpy as np
from nnunet_cscn.freed_memory import keep_freed_memory

if sys.argv[1] == "call":
    keep_freed_memory()
end = ctypes.CDLL(None).sbrk
end.restype = ctypes.c_void_p
block = np.empty(int(sys.argv[2]), np.uint8)
is_on_heap = block.ctypes.data < end(0)
before = end(0)
del block
print(before - end(0) if is_on_heap else "mapped")
"""


def returned(choice, n_bytes):
    """How many bytes return to the system when a block is freed; "mapped" if it is not on the heap, so all of them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    if choice == "environment":
        environment |= freed_memory.KEEP_FREED_MEMORY
    command = [sys.executable, "-c", PROGRAM, choice, str(n_bytes)]
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8", env=environment)
    return done.stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone can keep freed memory")
@pytest.mark.parametrize(("choice", "expected"), [("call", "0"), ("environment", "0"), ("neither", "mapped")])
def test_freed_memory_stays_in_the_process(choice, expected):
    assert [returned(choice, n_bytes) for n_bytes in (2**26, 5 * 2**30)] == [expected, expected]


@pytest.mark.parametrize("missing", [OSError(), AttributeError(), TypeError()])
def test_other_systems_are_left_alone(monkeypatch, missing):
    def absent(_name):
        raise missing

    monkeypatch.setattr(freed_memory.ctypes, "CDLL", absent)
    freed_memory.keep_freed_memory()
