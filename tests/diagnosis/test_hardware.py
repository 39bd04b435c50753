from types import SimpleNamespace

import pytest

from nnunet_cscn.diagnosis import hardware


def test_without_cuda_nothing_is_compiled_and_nothing_is_to_be_done():
    assert hardware.compile_finding(has_cuda=False, wanted="true").state == "ok"


@pytest.mark.parametrize("wanted", [None, "true", "T", "1"])
def test_with_cuda_compiling_is_the_default_and_needs_triton_and_a_compiler(monkeypatch, wanted):
    monkeypatch.setattr(hardware.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(hardware.shutil, "which", lambda name: None)
    finding = hardware.compile_finding(has_cuda=True, wanted=wanted)
    assert finding.state == "fault"
    assert "triton and a C compiler is missing" in finding.detail
    assert "export nnUNet_compile=f" in finding.remedy


def test_with_triton_and_a_compiler_compiling_works(monkeypatch):
    monkeypatch.setattr(hardware.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(hardware.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert hardware.compile_finding(has_cuda=True, wanted=None).state == "ok"


@pytest.mark.parametrize("wanted", ["f", "0", "no", ""])
def test_compiling_switched_off_is_a_note(wanted):
    assert hardware.compile_finding(has_cuda=True, wanted=wanted).state == "note"


@pytest.fixture
def shared_memory_of(monkeypatch, tmp_path):
    def check(total_bytes):
        usage = SimpleNamespace(total=total_bytes)
        monkeypatch.setattr(hardware.shutil, "disk_usage", lambda folder: usage)
        return hardware.check_shared_memory(tmp_path)[0]

    monkeypatch.delenv("nnUNet_n_proc_DA", raising=False)
    return check


def test_the_64_mb_of_a_plain_container_are_too_little(shared_memory_of):
    finding = shared_memory_of(64e6)
    assert finding.state == "fault"
    assert "only 64 MB" in finding.detail
    assert "--shm-size" in finding.remedy


def test_some_gigabytes_of_shared_memory_are_fine(shared_memory_of):
    assert shared_memory_of(8e9).detail.endswith("has 8.0 GB")


def test_without_loader_processes_little_shared_memory_is_enough(shared_memory_of, monkeypatch):
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    assert shared_memory_of(64e6).state == "ok"


def test_a_machine_without_the_mount_gets_a_note(tmp_path):
    assert hardware.check_shared_memory(tmp_path / "absent")[0].state == "note"


def test_the_device_check_says_what_torch_sees():
    import torch

    findings = hardware.check_device()
    if torch.cuda.is_available():
        assert torch.cuda.get_device_name(0) in findings[0].detail
    else:
        assert findings[0].state == "note"
        assert "-device cpu" in findings[0].remedy
