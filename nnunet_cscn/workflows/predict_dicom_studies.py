"""Segment all DICOM studies in a folder with one model. A study that fails does not stop the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cscn.dicom.quiet import quiet
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.files import check_output_folder, read_json_file, write_json
from nnunet_cscn.numbers import is_number
from nnunet_cscn.texts import are_texts
from nnunet_cscn.workflows.models import LoadedModel
from nnunet_cscn.workflows.predict_dicom import FILES, PredictedSeries, check_model, predict_study
from nnunet_cscn.workflows.progress import OnStepProgress, for_step

if TYPE_CHECKING:
    from nnunet_cscn.dicom.image_studies import ImageStudy

RECORD = "prediction.json"
"""What each study's folder says about its prediction, so that a second run does only what is missing."""

OnStudyNote = Callable[[str, str], None]


@dataclass(frozen=True)
class PredictedStudies:
    """What was predicted of a folder of studies.

    Attributes:
        folder: The output folder.
        predicted: What was written for each study by its name. A folder with one study has the name ``""``.
        uids: StudyInstanceUID of each study, also of those that failed, by name.
        problems: Why studies failed, by name.
        already_there: Names of the studies that an earlier run had predicted.
    """

    folder: Path
    predicted: Mapping[str, PredictedSeries]
    uids: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)
    already_there: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the results for a JSON file."""
        return {
            "studies": [
                {
                    "study": name,
                    "study_instance_uid": self.uids[name],
                    "status": "already there" if name in self.already_there else "predicted",
                    "folder": str(each.folder),
                    "files": _files(each.folder),
                    **_described(each),
                }
                for name, each in self.predicted.items()
            ]
            + [
                {"study": name, "study_instance_uid": self.uids[name], "status": "failed", "reason": reason}
                for name, reason in self.problems.items()
            ]
        }


def predict_dicom_studies(
    model: LoadedModel,
    images: str | Path,
    out: str | Path,
    *,
    series: Sequence[int] = (),
    uncertainty: bool = False,
    overwrite: bool = False,
    on_note: OnStudyNote | None = None,
    on_progress: OnStepProgress | None = None,
) -> PredictedStudies:
    """Segment every DICOM study in a folder, each as ``predict_dicom`` does.

    The files of one study are written to ``out``. If there are several, each gets a folder in ``out``. Its name is made
    from the StudyInstanceUID and contains no patient data. A second run predicts only studies that failed, that are
    new, whose images changed, or that another model predicted. A model that was trained again, or predicts without
    mirroring, counts as another model.

    Args:
        model: The model, from ``load_model``.
        images: Folder with the files of one or more studies in any order.
        out: Folder for the results.
        series: As in ``predict_dicom``, for the whole folder as one study.
        uncertainty: As in ``predict_dicom``.
        overwrite: Whether studies are predicted again although their results are complete.
        on_note: Called with the name of a study and a note; the name is empty for a folder with one study, and for
            notes about the whole folder.
        on_progress: Called with the step, the number of finished files or studies in it and of all.
            Steps: ``"looking at files"``, ``"predicting"``.

    Returns:
        What was written for each study, and why others failed.

    Raises:
        ArgumentError: As in ``predict_dicom``, for a folder with one study.
        UserError: Likewise, or when the model cannot predict DICOM images.

    Example:
        >>> found = predict_dicom_studies(model, "studies", "contours")  # doctest: +SKIP
        >>> {name: study.volumes_ml for name, study in found.predicted.items()}  # doctest: +SKIP
        {'study_4f2a9c01be': {'GTVp': 14.2}, 'study_c3d07790aa': {'GTVp': 8.1}}
    """
    from nnunet_cscn.dicom.image_studies import image_headers, studies_with_images, whole_folder

    check_model(model, uncertainty=uncertainty)
    check_output_folder(Path(out))
    tell = on_note or (lambda name, text: None)
    folder, source = Path(out), Path(images)
    with quiet():
        headers = image_headers(
            source,
            on_note=lambda text: tell("", text),
            on_progress=for_step(on_progress, "looking at files"),
        )
        studies = [] if series else studies_with_images(headers)
        if len(studies) == 1 and studies[0].series:
            whole = replace(studies[0], name=str(source))
        elif len(studies) < 2:
            whole = whole_folder(source, headers)
    if len(studies) < 2:
        single = predict_study(
            model, whole, folder, series=series, uncertainty=uncertainty, on_note=lambda text: tell("", text)
        )
        return PredictedStudies(folder, {"": single}, {"": whole.uid})
    progress = for_step(on_progress, "predicting")
    predicted, problems, there = dict[str, PredictedSeries](), dict[str, str](), list[str]()
    for done, study in enumerate(studies, start=1):
        place, state = folder / study.name, _state(model, study, uncertainty=uncertainty)
        known = None if overwrite else _known(place, state)
        if known is not None:
            predicted[study.name] = known
            there.append(study.name)
        else:
            try:
                predicted[study.name] = _predict(model, study, place, state, uncertainty=uncertainty, tell=tell)
            except UserError as fault:
                left_over = "; files of an earlier run are still in its folder" if _files(place) else ""
                problems[study.name] = f"{_reason(fault)}{left_over}"
        if progress is not None:
            progress(done, len(studies))
    return PredictedStudies(folder, predicted, {study.name: study.uid for study in studies}, problems, tuple(there))


def _predict(
    model: LoadedModel,
    study: ImageStudy,
    place: Path,
    state: Mapping[str, Any],
    *,
    uncertainty: bool,
    tell: OnStudyNote,
) -> PredictedSeries:
    """Predict one study and record it. Any fault becomes a UserError, so that the others go on."""
    (place / RECORD).unlink(missing_ok=True)
    try:
        if not study.series:
            raise UserError(
                "; ".join(["the study contains no image series that can be used", *study.problems.values()])
            )
        predicted = predict_study(
            model, study, place, uncertainty=uncertainty, on_note=lambda text: tell(study.name, text)
        )
    except (UserError, OSError):
        raise
    except Exception as fault:  # an odd study never stops the others; the text of a fault may quote the patient
        raise UserError(f"unexpected fault ({type(fault).__name__})") from fault
    write_json(place / RECORD, {**state, "files": _files(place), **_described(predicted)})
    return predicted


def _reason(fault: UserError) -> str:
    if isinstance(fault, ArgumentError) and fault.argument == "series":
        return f"{fault.reason}\n  (choose for one study at a time: give the folder of this study alone)"
    return fault.reason if isinstance(fault, ArgumentError) else str(fault)


def _state(model: LoadedModel, study: ImageStudy, *, uncertainty: bool) -> dict[str, Any]:
    """What a prediction depends on: the model, when it was trained, how it predicts, and the images."""
    names = sorted(f"{uid} {series.part}" for series in study.series for uid in series.instances)
    images = hashlib.sha256("\n".join(names).encode()).hexdigest()
    checkpoints = [file for file in model.model.checkpoint_files() if file.is_file()]
    return {
        **model.model.to_json(),
        "trained_ns": [file.stat().st_mtime_ns for file in checkpoints],
        "manner": type(model.predictor).__name__,
        "mirroring": bool(getattr(model.predictor, "use_mirroring", False)),
        "images": images,
        "uncertainty": uncertainty,
    }


def _known(place: Path, state: Mapping[str, Any]) -> PredictedSeries | None:
    """What an earlier run recorded; None if it is incomplete or depends on something else."""
    if not (place / RECORD).is_file():
        return None
    try:
        content = read_json_file(place / RECORD)
    except UserError:
        return None
    if not isinstance(content, dict) or any(content.get(key) != value for key, value in state.items()):
        return None
    if not content.get("files") or content["files"] != _files(place):
        return None
    volumes: Any = content.get("volumes_ml")
    notes: Any = content.get("notes")
    disagreement: Any = content.get("disagreement")
    are_volumes = isinstance(volumes, dict) and all(map(is_number, volumes.values()))
    is_record = are_volumes and are_texts(notes) and (disagreement is None or is_number(disagreement))
    return PredictedSeries(place, volumes, tuple(notes), disagreement) if is_record else None


def _files(place: Path) -> list[str]:
    return [name for name in FILES if (place / name).is_file()]


def _described(predicted: PredictedSeries) -> dict[str, Any]:
    return {
        "volumes_ml": dict(predicted.volumes_ml),
        "disagreement": predicted.disagreement,
        "notes": list(predicted.notes),
    }
