"""Readers of CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fuzz.reader import Reader
from fuzz.volume_readers import labels, save
from nnunet_cscn.conversion import lgg
from nnunet_cscn.conversion.case_mapping import read_mapping
from nnunet_cscn.evaluation.groups import read_groups
from nnunet_cscn.protocol.curves import CurveFile, read_curve
from nnunet_cscn.protocol.epochs import COLUMNS, EpochFile, read_epochs
from nnunet_cscn.workflows.curves import draw_curves

CASES = [f"case_{number}" for number in range(4)]


def _write_curve(folder: Path) -> None:
    CurveFile(folder / "curve.csv", first_iteration=0).append([(n, 0.5, 1.0 / (n + 1), 0.01) for n in range(5)])


def _curve(folder: Path) -> Any:
    return read_curve(folder / "curve.csv"), CurveFile(folder / "curve.csv", first_iteration=3)


def _write_epochs(folder: Path) -> None:
    table = EpochFile(folder / "training_epochs.csv", first_epoch=0)
    for epoch in range(3):
        table.append({"epoch": epoch, **dict.fromkeys(COLUMNS[1:], 0.5)})


def _epochs(folder: Path) -> Any:
    return read_epochs(folder / "training_epochs.csv"), EpochFile(folder / "training_epochs.csv", first_epoch=2)


def _drawn(folder: Path) -> Any:
    return draw_curves([folder], folder / "curves.svg").to_json()


def _text(name: str, text: str) -> Any:
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


def _write_paired(folder: Path) -> None:
    for case in CASES[:2]:
        for name in (f"images/{case}_0000", f"images/{case}_0001", f"images/{case}_0002", f"labels/{case}"):
            save(folder / f"{name}.nii.gz", np.minimum(labels(), 1))
    text = "case,institution\n" + "".join(f"{case},A{n}\n" for n, case in enumerate(CASES))
    (folder / "cases.csv").write_text(text, encoding="utf-8")


def _institutions(folder: Path) -> Any:
    return [case.load().details for case in lgg.find_cases(folder)]


MAPPING = "dataset,case,patient,PatientID,SOPInstanceUID,file\n" + "".join(
    f"Dataset950_A,case_{n},patient_{n},ID{n},1.2.{n},/a/{n}.dcm\n" for n in range(3)
)

READERS = (
    Reader("curve of a training", _write_curve, _curve),
    Reader("epochs of a training", _write_epochs, _epochs),
    Reader("drawn epochs", _write_epochs, _drawn, share=0.1),
    Reader(
        "groups of cases",
        _text("groups.csv", "case,group\n" + "".join(f"{case},stage {n % 2}\n" for n, case in enumerate(CASES))),
        lambda folder: read_groups(folder / "groups.csv", CASES),
    ),
    Reader(
        "mapping of cases",
        _text("cases.csv", MAPPING),
        lambda folder: read_mapping(folder / "cases.csv", "Dataset950_A", has_ids=False, prefix="case").patients,
    ),
    Reader("institutions", _write_paired, _institutions, fragile=".csv"),
)
