"""The paper's five splits: train, validation and test, the test sets disjoint and together all cases."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file, write_json

# Section 4.2: "randomly selected 24 patients' images as the test set, 9 ... as the validation set and 87 ... as the
# training set", of 120, five times.
ROUNDS = 5
VALIDATION_SHARE = 9 / (9 + 87)
SEED = 2022  # the paper's year
FILE = "cscn_paper_splits.json"
NOTE = "split.json"  # in the folder of a training, as is the next one
TEST_FOLDER = "test"

_DAMAGED = "{file} contains no splits of the paper's protocol: delete it and run `cscn paper prepare` again"


@dataclass(frozen=True)
class PaperSplit:
    """The cases of one of the five trainings, each list sorted."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def paper_splits(patients: Mapping[str, str], *, seed: int = SEED) -> list[PaperSplit]:
    """Split cases as the paper does, scaled to their number, all cases of a patient on one side.

    Args:
        patients: Patient of each case.
        seed: Draws the splits; the same gives the same.

    Raises:
        UserError: When there are too few patients for a test, a validation and a training case in every split.

    Example:
        >>> splits = paper_splits({f"case_{i:03d}": f"patient_{i:03d}" for i in range(120)})
        >>> {(len(split.train), len(split.validation), len(split.test)) for split in splits}
        {(87, 9, 24)}
    """
    names = sorted(set(patients.values()))
    if len(names) < ROUNDS + 2:
        raise UserError(
            f"{ROUNDS} splits into train, validation and test need {ROUNDS + 2} patients; the data set has {len(names)}"
        )
    draw = random.Random(seed)
    draw.shuffle(names)
    cases = {name: sorted(case for case, patient in patients.items() if patient == name) for name in names}
    tests = _dealt(names, cases)
    splits = []
    for test in tests:
        others = [name for name in names if name not in test]
        draw.shuffle(others)
        wanted = max(1, round(VALIDATION_SHARE * sum(len(cases[name]) for name in others)))
        validation = _first(others, cases, wanted)
        train = [name for name in others if name not in validation]
        splits.append(
            PaperSplit(*(tuple(sorted(c for n in part for c in cases[n])) for part in (train, validation, test)))
        )
    return splits


def write_paper_splits(file: Path, splits: Sequence[PaperSplit], patients: Mapping[str, str]) -> None:
    """Write the splits to a file of their own, which only the paper's trainers read, unless they are there.

    Args:
        file: The file.
        splits: The splits.
        patients: Patient of each case, kept beside them for the statistics.

    Raises:
        UserError: When the file holds others, on which networks may have been trained.
    """
    if not file.exists():
        write_json(file, {"patients": dict(patients), "splits": [asdict(split) for split in splits]})
    elif read_paper_splits(file) != list(splits) or read_patients(file) != dict(patients):
        raise UserError(
            f"{file} contains different splits (cases or patients have changed), and networks may have been trained on "
            "them: move this file and the results of the paper's trainers away first"
        )


def read_paper_splits(file: Path) -> list[PaperSplit]:
    """Read the splits.

    Raises:
        UserError: When they are not there or damaged.
    """
    try:
        entries = _content(file)["splits"]
        return [PaperSplit(**{key: tuple(names) for key, names in entry.items()}) for entry in entries]
    except (TypeError, AttributeError):
        raise UserError(_DAMAGED.format(file=file)) from None


def read_patients(file: Path) -> dict[str, str]:
    """Read the patient of each case.

    Raises:
        UserError: When they are not there or damaged.
    """
    try:
        return {str(case): str(patient) for case, patient in _content(file)["patients"].items()}
    except AttributeError:
        raise UserError(_DAMAGED.format(file=file)) from None


def note_split(folder: Path, split: PaperSplit) -> None:
    """Keep with a training which cases it saw."""
    write_json(folder / NOTE, asdict(split))


def check_split(folder: Path, split: PaperSplit) -> None:
    """See that a training was begun on a split as it is now: others may have seen what are test cases now.

    Args:
        folder: Of the training; one that holds none yet is no fault.
        split: As it is now.

    Raises:
        UserError: When it was begun on another one.
    """
    file = folder / NOTE
    if file.is_file() and read_json_file(file) != {key: list(cases) for key, cases in asdict(split).items()}:
        raise UserError(
            f"{FILE} changed after {folder} was trained, so test cases may have been used for training: move that "
            "folder away"
        )


def _content(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise UserError(f"{file} is missing: make the splits with `cscn paper prepare`")
    content = read_json_file(file)
    if not isinstance(content, dict) or not {"patients", "splits"} <= content.keys():
        raise UserError(_DAMAGED.format(file=file))
    return content


def _dealt(names: Sequence[str], cases: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Deal patients out, each to the hand with the fewest cases so far."""
    hands: list[list[str]] = [[] for _ in range(ROUNDS)]
    for name in names:
        min(hands, key=lambda hand: sum(len(cases[n]) for n in hand)).append(name)
    return hands


def _first(names: Sequence[str], cases: Mapping[str, Any], wanted: int) -> list[str]:
    """The first patients that together have as many cases as are wanted, and never all of them."""
    chosen: list[str] = []
    for name in names[:-1]:
        if sum(len(cases[n]) for n in chosen) >= wanted:
            break
        chosen.append(name)
    return chosen
