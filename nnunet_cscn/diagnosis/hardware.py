"""Check the hardware: device, compiler and shared memory."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from nnunet_cscn.diagnosis.finding import Finding, fault, note, ok

# Docker's default is 64 MB, but nnU-Net's data loaders pass whole batches through shared memory.
_LEAST_SHARED_MEMORY_BYTES = 1e9
_COMPILE_VARIABLE = "nnUNet_compile"
_LOADERS_VARIABLE = "nnUNet_n_proc_DA"
_TRUE_WORDS = ("true", "1", "t")


def check_device() -> list[Finding]:
    """Check that there is a CUDA device and that it can compute."""
    import torch

    if not torch.cuda.is_available():
        built = f"torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "torch is a CPU build"
        remedy = "Use a machine with a GPU. For small tests, add `-device cpu` to the nnU-Net commands."
        return [note("device", f"no CUDA device; {built}", remedy)]
    return [_cuda_device(index) for index in range(torch.cuda.device_count())]


def check_compile() -> list[Finding]:
    """Check whether nnU-Net will compile the network, and whether the compiler is installed."""
    import torch

    return [compile_finding(has_cuda=torch.cuda.is_available(), wanted=os.environ.get(_COMPILE_VARIABLE))]


def compile_finding(*, has_cuda: bool, wanted: str | None) -> Finding:
    """Return whether ``torch.compile`` will be used and can work.

    Args:
        has_cuda: Whether training runs on CUDA. nnU-Net compiles only there.
        wanted: Value of the variable ``nnUNet_compile``; None if it is not set, which means yes.
    """
    subject = "torch.compile"
    if not has_cuda:
        return ok(subject, "not used: nnU-Net compiles on CUDA only")
    if wanted is not None and wanted.lower() not in _TRUE_WORDS:
        return note(
            subject, f"turned off by nnUNet_compile={wanted}", "Run `unset nnUNet_compile` for faster training."
        )
    missing = [] if importlib.util.find_spec("triton") else ["triton"]
    if not any(shutil.which(compiler) for compiler in (os.environ.get("CC", "cc"), "gcc", "clang")):
        missing.append("a C compiler")
    if missing:
        remedy = "Install it (`pip install triton`, `apt install gcc`), or run `export nnUNet_compile=f`."
        return fault(subject, f"will be used, but {' and '.join(missing)} is missing", remedy)
    return ok(subject, "will be used; triton and a C compiler are installed")


def check_shared_memory(folder: Path = Path("/dev/shm")) -> list[Finding]:
    """Check the size of the shared memory, which nnU-Net's data loaders need.

    Args:
        folder: Mount point of the shared memory.
    """
    subject = "shared memory"
    if not folder.is_dir():
        return [
            note(
                subject,
                f"{folder} does not exist",
                "If data loader processes crash in training, run `nnUNet_n_proc_DA=0 nnUNetv2_train ...`.",
            )
        ]
    total = shutil.disk_usage(folder).total
    if total < _LEAST_SHARED_MEMORY_BYTES and os.environ.get(_LOADERS_VARIABLE) != "0":
        remedy = (
            "Start the container with `--shm-size=8g` or `--ipc=host`. Or, only for training, run "
            "`nnUNet_n_proc_DA=0 nnUNetv2_train ...`."
        )
        return [fault(subject, f"{folder} has only {total / 1e6:.0f} MB", remedy)]
    return [ok(subject, f"{folder} has {total / 1e9:.1f} GB")]


def _cuda_device(index: int) -> Finding:
    import torch

    subject = f"device cuda:{index}"
    memory_gib = torch.cuda.get_device_properties(index).total_memory / 2**30
    detail = f"{torch.cuda.get_device_name(index)}, {memory_gib:.0f} GiB, CUDA {torch.version.cuda}"
    try:
        torch.ones(2, device=f"cuda:{index}").sum().item()
    except RuntimeError as failure:
        remedy = (
            "Install a torch build that supports this GPU and its driver, or hide the GPU with CUDA_VISIBLE_DEVICES."
        )
        return fault(subject, f"{detail}; the computation failed: {str(failure).splitlines()[0]}", remedy)
    return ok(subject, detail)
