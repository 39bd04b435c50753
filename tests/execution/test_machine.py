import os
from types import SimpleNamespace

import pytest
import torch

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.execution.machine import check_gpus, memory_gb


@pytest.mark.parametrize(("ram_gb", "planned"), [(64, 8.0), (16, 4.0), (1, 0.5)])
def test_a_quarter_of_the_main_memory_is_planned_for(monkeypatch, ram_gb, planned):
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": ram_gb * 2**30 // 4096}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    assert memory_gb("cpu") == planned


def test_a_system_that_does_not_tell_its_memory_gets_nnunets_own_plans(monkeypatch):
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert memory_gb("cpu") == 8.0


def test_nine_tenths_of_a_gpu_are_planned_for(monkeypatch):
    sizes = {0: 80, 1: 24}
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: SimpleNamespace(total_memory=sizes[index] * 2**30)
    )
    assert memory_gb("cuda:1") == pytest.approx(21.6)
    assert memory_gb("cuda") == pytest.approx(72)


def test_a_gpu_that_the_machine_does_not_have_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_gpus(["cuda", "cuda:1", "cpu"])
    with pytest.raises(ArgumentError, match="cuda:2"):
        check_gpus(["cuda:1", "cuda:2"])
