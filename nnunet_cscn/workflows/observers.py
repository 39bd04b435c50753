"""How far observers agree with each other and with their consensus, and a model with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.evaluation.case_pool import OnProgress
from nnunet_cscn.evaluation.labels import EvaluatedLabels
from nnunet_cscn.evaluation.observers import Agreement
from nnunet_cscn.evaluation.observers import compare_observers as agreements_of
from nnunet_cscn.evaluation.readings import CONSENSUS
from nnunet_cscn.formats.named_reader import reader_for
from nnunet_cscn.workflows.labels import Labels, chosen_labels

if TYPE_CHECKING:
    import pandas

MODEL = "model"
RESERVED_NAMES = (MODEL, *CONSENSUS)


@dataclass(frozen=True)
class ObserverComparison:
    """How far observers agree.

    Attributes:
        observers: Their names.
        agreements: For each label every pair of observers, the model with each of them, and all with each consensus.
        notes: What should be known about the grids.
    """

    observers: tuple[str, ...]
    agreements: tuple[Agreement, ...]
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels' names."""
        return tuple(dict.fromkeys(agreement.label for agreement in self.agreements))

    def of_label(self, label: str) -> list[Agreement]:
        """Return what was found in one label."""
        return [agreement for agreement in self.agreements if agreement.label == label]

    def to_json(self) -> dict[str, Any]:
        """Return everything for a JSON file: nan as None, infinity as "inf"."""
        return {
            "observers": list(self.observers),
            "notes": list(self.notes),
            "agreements": [agreement.to_json() for agreement in self.agreements],
        }

    def to_dataframe(self) -> pandas.DataFrame:
        """Return one row for each label and pair.

        Columns: label, first, second, n (cases), f1_of_means, dsc_agg; and for every metric its mean, sd, median, q25
        and q75 over the cases in which it is finite, such as ``dsc_mean`` and ``hd95_mm_sd``.
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
    """Compare two or more observers with each other and with their consensus, and a model with them.

    The consensus is STAPLE, and the majority (of two observers, what both marked). An observer has a share in it and
    the model has none, so compare the model's row with those of the pairs too.

    Args:
        observers: For each observer, by name, the folder of the label maps, such as ``<case>.nii.gz``.
        model: Folder of a model's predictions on the same cases; ``model`` is its name.
        dataset_json: nnU-Net's dataset.json with the labels' names, regions and the ignore label. Without it and
            without labels, every value above 0 in the files is a label.
        labels: The value of each label (or the values of a region) by name, instead of a dataset.json.
        consensus: Folder for the label maps of the consensus, ``STAPLE/`` and ``majority/`` in it; None writes none.
            Where STAPLE finds two labels in a voxel, the first is written.
        workers: Cases at the same time; None for one on each available processor.
        on_progress: Called with the number of finished cases and of all cases after each case.

    Returns:
        What was found: ``to_dataframe()`` for means and spread, ``agreements`` for the scores of every case.

    Raises:
        UserError: When cases do not pair up, grids differ, or files are no label maps; all such cases are listed. When
            nobody has marked anything. When the consensus of regions, which overlap, is to be written.
        ArgumentError: When there are fewer than two observers, or one has the name of the model or a consensus.

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
