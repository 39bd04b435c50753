"""The sections of a model card."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from nnunet_cscn.evaluation.numbers import format_number
from nnunet_cscn.model_card.document import Block, Bullets, Code, Picture, Section, Table
from nnunet_cscn.model_card.facts import FoldFacts, ModelFacts, Spread
from nnunet_cscn.model_card.scores import Score
from nnunet_cscn.settings.checks import BLOCK
from nnunet_cscn.texts import counted

FEW_CASES = 30
FEW_VALIDATED = 20


def sections_of(
    facts: ModelFacts, scores: Sequence[Score], curves: Picture | None, versions: Mapping[str, str]
) -> list[Section]:
    """Return the sections of a model card.

    Args:
        facts: The facts from the folder of the model.
        scores: Validation scores.
        curves: The training curves; None where no fold has any.
        versions: Versions of the packages that wrote the card.
    """
    return [
        Section("Model", _model(facts)),
        Section("Data", _data(facts)),
        Section("Plan", (_pairs(_plan(facts)),)),
        Section("Options", _options(facts)),
        Section("Training", _training(facts, curves)),
        Section("Validation scores", _scores(facts, scores)),
        Section("Commands", (Code("\n".join(_commands(facts))),)),
        Section("Versions", (_pairs(_versions(facts, versions)),)),
        Section("Limits", (Bullets(tuple(_limits(facts, scores))),)),
    ]


def _model(facts: ModelFacts) -> tuple[Block, ...]:
    return (
        _pairs(
            [
                ("data set", facts.dataset),
                ("trainer", facts.trainer),
                ("plans", facts.plans),
                ("configuration", facts.configuration),
                ("trained folds", ", ".join(fold.fold for fold in facts.folds)),
                ("parameters", f"{facts.n_parameters / 1e6:.2f} million"),
            ]
        ),
        "Research software, not a medical device. Contours need a physician's eye.",
    )


def _data(facts: ModelFacts) -> tuple[Block, ...]:
    description = facts.description
    channels = description.get("channel_names", description.get("modality", {}))
    rows = [
        ("cases", str(description.get("numTraining", "not known"))),
        ("channels", ", ".join(str(name) for name in dict(channels).values())),
        ("labels", ", ".join(f"{name} = {_value(value)}" for name, value in facts.labels.items())),
        ("file format", str(description.get("file_ending", "not known"))),
    ]
    if facts.spacing_mm:
        rows.append(("spacing in mm: median (range)", _spreads(facts.spacing_mm, 2)))
        rows.append(("voxels after cropping: median (range)", _spreads(facts.shape, 0)))
    for key in ("licence", "license", "reference", "release"):
        if isinstance(description.get(key), str) and description[key].strip():
            rows.append((key, description[key].strip()))
    return (_pairs(rows), "Axes are in the order in which the images were read: slices first.")


def _plan(facts: ModelFacts) -> list[tuple[str, str]]:
    plan = facts.plan
    architecture = plan.get("architecture") or {}
    kwargs = architecture.get("arch_kwargs") or {}
    return [
        ("spacing in mm", _joined(plan.get("spacing") or ())),
        ("patch in voxels", _joined(plan.get("patch_size") or ())),
        ("batch size", str(plan.get("batch_size", "not known"))),
        ("network of the plan", str(architecture.get("network_class_name", "not known")).rpartition(".")[2]),
        ("stages", str(kwargs.get("n_stages", "not known"))),
        ("features of the stages", ", ".join(str(n) for n in _listed(kwargs.get("features_per_stage")))),
        ("normalisation", ", ".join(str(name) for name in plan.get("normalization_schemes") or ())),
        ("preprocessor", str(plan.get("preprocessor_name", "not known"))),
    ]


def _listed(value: Any) -> Sequence[Any]:
    """Return a value for all stages, or one for each of them, as a list."""
    return value if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _options(facts: ModelFacts) -> tuple[Block, ...]:
    block = facts.plan.get(BLOCK)
    if not block:
        return ("No option is set: all have their defaults.",)
    return ("Options that differ from their defaults:", Code(json.dumps(block, indent=2)))


def _training(facts: ModelFacts, curves: Picture | None) -> tuple[Block, ...]:
    table = Table(
        ("fold", "checkpoint", "training cases", "validation cases", "epochs", "hours", "last training loss"),
        tuple(_fold_row(fold) for fold in facts.folds),
    )
    if curves is None:
        return (table,)
    return (table, curves, "Loss: training solid, validation dotted. The Dice of patches is nnU-Net's moving average.")


def _fold_row(fold: FoldFacts) -> tuple[str, ...]:
    losses = fold.curves.get("train_losses", ())
    return (
        fold.fold,
        fold.checkpoint,
        _known(fold.n_training),
        _known(fold.n_validation),
        str(fold.n_epochs),
        format_number(fold.seconds / 3600, 2),
        format_number(losses[-1] if losses else math.nan, 4),
    )


def _scores(facts: ModelFacts, scores: Sequence[Score]) -> tuple[Block, ...]:
    if not scores:
        return ("No fold has been validated.",)
    rows = []
    for score in scores:
        mean, low, high = (format_number(value, score.digits) for value in (score.mean, score.low, score.high))
        interval = "none" if math.isnan(score.low) else f"{low} to {high}"
        rows.append((score.label, score.metric, str(score.n), str(score.n_left_out), mean, interval))
    validated = [fold.fold for fold in facts.folds if fold.n_validation is not None and fold.fold.isdecimal()]
    return (
        Table(("label", "metric", "n", "left out", "mean", "95 % interval"), tuple(rows)),
        f"Validation cases of fold {', '.join(validated)}: no fold was trained on its own. Intervals are "
        "bootstrap intervals over the cases. Left out: cases with two empty masks, and infinite distances.",
    )


def _commands(facts: ModelFacts) -> list[str]:
    train = [
        f"nnUNetv2_train {facts.dataset} {facts.configuration} {fold.fold} -tr {facts.trainer} -p {facts.plans}"
        for fold in facts.folds
    ]
    folds = " ".join(fold.fold for fold in facts.folds)
    return [
        *train,
        f"nnUNetv2_predict -i IMAGES -o PREDICTIONS -d {facts.dataset} -c {facts.configuration} -tr {facts.trainer} "
        f"-p {facts.plans} -f {folds}",
    ]


def _versions(facts: ModelFacts, versions: Mapping[str, str]) -> list[tuple[str, str]]:
    rows = [(f"{name}, when this card was written", version) for name, version in versions.items()]
    for fold in facts.folds:
        rows += [(f"{name} of fold {fold.fold}", version) for name, version in fold.trained_with.items()]
    return rows


def _limits(facts: ModelFacts, scores: Sequence[Score]) -> list[str]:
    n_cases, n_validated = facts.description.get("numTraining"), max((score.n for score in scores), default=0)
    unfinished = [fold.fold for fold in facts.folds if fold.checkpoint != "checkpoint_final.pth"]
    said = [
        "Validation cases come from the same data set as the training cases. Scores on images of other scanners, "
        "protocols or hospitals may be lower.",
        "The scores say nothing about labels, sequences or patients that are not in the data set.",
    ]
    if isinstance(n_cases, int) and n_cases < FEW_CASES:
        said.append(f"The data set has only {counted(n_cases, 'case')}.")
    if n_validated < FEW_VALIDATED:
        said.append(f"Only {n_validated} cases were validated: the intervals are wide, and may be too narrow still.")
    if unfinished:
        said.append(f"Training has not finished in fold {', '.join(unfinished)}.")
    if any(fold.fold == "all" for fold in facts.folds):
        said.append(
            "Fold all was trained on all cases. Nothing is left to validate it on; its own summary is of seen cases."
        )
    return said


def _pairs(rows: Sequence[tuple[str, str]]) -> Table:
    return Table(("", ""), tuple(rows))


def _spreads(spreads: Sequence[Spread], digits: int) -> str:
    return " x ".join(f"{s.median:.{digits}f} ({s.low:.{digits}f} to {s.high:.{digits}f})" for s in spreads)


def _joined(values: Sequence[Any]) -> str:
    return " x ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values) or "not known"


def _known(number: int | None) -> str:
    return "-" if number is None else str(number)


def _value(value: Any) -> str:
    return " + ".join(str(each) for each in value) if isinstance(value, (list, tuple)) else str(value)
