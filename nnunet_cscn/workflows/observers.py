"""Interobserver agreement, and comparison of a model with the observers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.case_pool import OnProgress
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.observer_case import CONSENSUS
from nnunet_cscn.evaluation.observers import Agreement
from nnunet_cscn.evaluation.observers import compare_observers as agreements_of
from nnunet_cscn.formats.named_reader import reader_for
from nnunet_cscn.workflows.labels import Labels, chosen_labels

if TYPE_CHECKING:
    import pandas

MODEL = "model"
RESERVED_NAMES = (MODEL, *CONSENSUS)


@dataclass(frozen=True)
class ObserverComparison:
    """The result of a comparison of observers.

    Attributes:
        observers: Names of the observers.
        agreements: For each label: every pair of observers, the model with each observer, and all of them with each
            consensus.
        notes: Notes on the grids.
    """

    observers: tuple[str, ...]
    agreements: tuple[Agreement, ...]
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels."""
        return tuple(dict.fromkeys(agreement.label for agreement in self.agreements))

    def for_label(self, label: str) -> list[Agreement]:
        """Return the agreements of one label."""
        return [agreement for agreement in self.agreements if agreement.label == label]

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file, with nan as None and infinity as "inf"."""
        return {
            "observers": list(self.observers),
            "notes": list(self.notes),
            "agreements": [agreement.to_json() for agreement in self.agreements],
        }

    def to_dataframe(self) -> pandas.DataFrame:
        """Return one row for each label and pair.

        The columns are label, first, second, n (number of cases), f1_of_means and dsc_agg; and for each metric mean,
        sd, median, q25 and q75 over the cases with a finite value, such as ``dsc_mean`` and ``hd95_mm_sd``.
        """
        import pandas

        return pandas.DataFrame([_row(agreement) for agreement in self.agreements])


def compare_observers(
    observers: Mapping[str, str | Path],
    *,
    model: str | Path | None = None,
    dataset_json: str | Path | None = None,
    labels: Labels | EvaluatedLabels | None = None,
    consensus: str | Path | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> ObserverComparison:
    """Compare two or more observers, and optionally a model, with each other and with the consensus of the observers.

    The consensus is STAPLE and majority vote (for two observers: the voxels that both marked). The observers contribute
    to the consensus and the model does not. So also compare the model with the pairs of observers.

    Args:
        observers: For each observer, by name, the folder of label maps, such as ``<case>.nii.gz``.
        model: Folder of the predictions of a model for the same cases. Its name in the result is ``model``.
        dataset_json: nnU-Net's dataset.json with label names, regions and the ignore label. Without ``dataset_json``
            and ``labels``, every value above 0 in the files is a label.
        labels: The value of each label (or the values of a region) by name, instead of a dataset.json.
        consensus: Folder for the label maps of the consensus, with the subfolders ``STAPLE/`` and ``majority/``. None
            to write nothing. If STAPLE assigns two labels to a voxel, the first one is written.
        workers: Number of cases at the same time. None for one per available processor.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        The comparison. ``to_dataframe()`` returns statistics, ``agreements`` contains the scores of every case.

    Raises:
        UserError: When a case is missing for one observer, grids differ, or a file is not a label map. The message
            lists all such cases. Also when all label maps are empty, or when the consensus of overlapping regions
            should be written.
        ArgumentError: When there are fewer than two observers, or an observer has the name of the model or of a
            consensus.

    Example:
        ::

            found = compare_observers({"A": "physician_a", "B": "physician_b"}, model="predictions")
            found.to_dataframe()[["label", "first", "second", "dsc_mean", "assd_mm_mean"]]
    """
    if taken := [name for name in observers if name in RESERVED_NAMES]:
        raise ArgumentError("observers", f"the name {taken[0]} is reserved: choose another name")
    notes = list[str]()
    found = agreements_of(
        {name: Path(folder) for name, folder in observers.items()},
        model=None if model is None else (MODEL, Path(model)),
        labels=chosen_labels(dataset_json, labels),
        consensus_folder=None if consensus is None else Path(consensus),
        workers=workers,
        reader=reader_for(None if dataset_json is None else Path(dataset_json), None if model is None else Path(model)),
        on_progress=on_progress,
        on_note=notes.append,
    )
    return ObserverComparison(tuple(observers), tuple(found), tuple(notes))


def _row(agreement: Agreement) -> dict[str, Any]:
    together = agreement.aggregate
    statistics = {
        f"{key}_{name}": value for key, found in together.statistics.items() for name, value in asdict(found).items()
    }
    return {
        "label": agreement.label,
        "first": agreement.first,
        "second": agreement.second,
        "n": together.n,
        "f1_of_means": together.f1_of_means,
        "dsc_agg": together.dsc_agg,
        **statistics,
    }
