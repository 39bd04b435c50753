"""Read the lower-grade gliomas of Buda et al.: MR of the whole head with the tumour (Dataset905_LGG)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from nnunet_cscn.conversion import lgg_slices, paired_folders
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.source_case import LoadedCase, SourceCase
from nnunet_cscn.csv_files import read_table
from nnunet_cscn.errors import UserError

LGG = DatasetDescription(
    number=905,
    name="LGG",
    title=(
        "Lower-grade glioma (images of TCGA-LGG, The Cancer Imaging Archive): pre-contrast, FLAIR and post-contrast MR "
        "of the whole head with the tumour's FLAIR abnormality; FLAIR stands in for a sequence that is missing; "
        "spacing is nominal"
    ),
    channel_names=("pre-contrast", "FLAIR", "post-contrast"),
    labels=(("background", 0), ("tumour", 1)),
    licence="CC BY-NC-SA 4.0",
    reference=(
        "Buda M, Saha A, Mazurowski MA (2019): Association of genomic subtypes of lower-grade gliomas with shape "
        "features automatically extracted by a deep learning algorithm. Computers in Biology and Medicine 109, "
        "218-225. doi:10.1016/j.compbiomed.2019.05.002"
    ),
)
_FLAIR = LGG.channel_names.index("FLAIR")
_TCGA_NAME = re.compile(r"TCGA_([A-Z0-9]{2})_.+")


def find_cases(source: Path) -> list[SourceCase]:
    """List the cases of Kaggle's "LGG Segmentation Dataset", or of a folder made from it. Each case is one patient.

    Such a folder contains ``images/A_0000.nii.gz``, ``_0001``, ``_0002`` and ``labels/A.nii.gz``. An optional
    ``cases.csv`` has the institution of each case, in the columns ``case`` and ``institution``. In the download, the
    name of a case contains the institution.

    The spacing is nominal in both: values in mm and ml have no meaning, but DSC and ratios of volumes do.

    Args:
        source: ``kaggle_3m`` or a folder above it, or the folder with ``images`` and ``labels``.

    Returns:
        The cases. Their details contain the institution and the missing sequence, whose channel is a copy of FLAIR.

    Raises:
        UserError: When the folder does not exist or contains no case.
    """
    if not source.is_dir():
        raise UserError(f"{source}: folder not found; check the path")
    if paired_folders.is_paired(source):
        cases, institutions = paired_folders.find_cases(source, LGG), _institutions(source / "cases.csv")
    else:
        cases, institutions = lgg_slices.find_cases(source), {}
    for case in cases:
        if name := _TCGA_NAME.fullmatch(case.name):
            institutions.setdefault(case.name, name[1])
    return [replace(case, load=partial(_load, case.load, institutions.get(case.name, ""))) for case in cases]


def _load(load: Callable[[], LoadedCase], institution: str) -> LoadedCase:
    case = load()
    missing = [
        name
        for number, name in enumerate(LGG.channel_names)
        if number != _FLAIR and np.array_equal(case.channels[number], case.channels[_FLAIR])
    ]
    notes = case.notes if case.labels.any() else (*case.notes, "nothing is marked")
    return replace(case, notes=notes, details={"institution": institution, "missing_sequence": ", ".join(missing)})


def _institutions(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    rows = read_table(file, encoding="utf-8-sig", errors="replace", ragged=True)
    return {row.get("case", ""): row.get("institution", "") for row in rows}
