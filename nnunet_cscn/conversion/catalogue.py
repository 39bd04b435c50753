"""The public data sets that can be converted, by name. A new one needs a module and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast, get_args

from nnunet_cscn.conversion.hippocampus import HIPPOCAMPUS
from nnunet_cscn.conversion.hnts_mrg_task import Task
from nnunet_cscn.conversion.npc277_mode import Mode
from nnunet_cscn.conversion.raw_dataset import DatasetDescription
from nnunet_cscn.conversion.source_case import SourceCase
from nnunet_cscn.conversion.sts import STS
from nnunet_cscn.dicom.extra import needs_dicom_extra

Download: TypeAlias = tuple[DatasetDescription, list[SourceCase]]


@dataclass(frozen=True)
class PublicDataset:
    """How to read a public data set.

    Attributes:
        read: Lists the cases. Its arguments are the folder, a variant, and whether to resample volumes with other
            grids.
        variants: The variants, the default one first. Empty if there is no choice.
        can_resample: Whether volumes with other grids can be resampled on request.
        has_fixed_folds: Whether the data set has fixed folds.
    """

    read: Callable[[Path, str, bool], Download]
    variants: tuple[str, ...] = ()
    can_resample: bool = False
    has_fixed_folds: bool = False


def _hecktor(source: Path, _variant: str, _resample: bool) -> Download:
    from nnunet_cscn.conversion.hecktor import HECKTOR, find_cases

    return HECKTOR, find_cases(source)


def _hnts_mrg(source: Path, variant: str, resample: bool) -> Download:
    from nnunet_cscn.conversion.hnts_mrg import description, find_cases

    task = cast("Task", variant)
    return description(task), find_cases(source, task, resample=resample)


def _lgg(source: Path, _variant: str, _resample: bool) -> Download:
    from nnunet_cscn.conversion.lgg import LGG, find_cases

    return LGG, find_cases(source)


def _npc277(source: Path, variant: str, resample: bool) -> Download:
    with needs_dicom_extra():
        from nnunet_cscn.conversion.npc277 import description, find_cases

    mode = cast("Mode", variant)
    return description(mode), find_cases(source, mode, resample=resample)


def _paired(description: DatasetDescription) -> Callable[[Path, str, bool], Download]:
    def read(source: Path, _variant: str, _resample: bool) -> Download:
        from nnunet_cscn.conversion.paired_folders import find_cases

        return description, find_cases(source, description)

    return read


def _segrap(source: Path, _variant: str, resample: bool) -> Download:
    from nnunet_cscn.conversion.segrap import SEGRAP, find_cases

    return SEGRAP, find_cases(source, resample=resample)


PUBLIC_DATASETS: Mapping[str, PublicDataset] = {
    "hecktor": PublicDataset(_hecktor),
    "hippocampus": PublicDataset(_paired(HIPPOCAMPUS), has_fixed_folds=True),
    "hnts-mrg": PublicDataset(_hnts_mrg, variants=get_args(Task), can_resample=True),
    "lgg": PublicDataset(_lgg, has_fixed_folds=True),
    "npc277": PublicDataset(_npc277, variants=get_args(Mode), can_resample=True),
    "segrap": PublicDataset(_segrap, can_resample=True),
    "sts": PublicDataset(_paired(STS), has_fixed_folds=True),
}
