"""The paper's five splits into training, validation and test cases. Each case is a test case in exactly one split."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import UserError
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.splits.sides import TRAINING, check_sides
from nnunet_cscn.texts import are_texts

# Section 4.2: "randomly selected 24 patients' images as the test set, 9 ... as the validation set and 87 ... as the
# training set", of 120, five times.
N_SPLITS = 5
VALIDATION_SHARE = 9 / (9 + 87)
SEED = 2022  # year of the paper
FILE = "cscn_paper_splits.json"
SPLIT_FILE = "split.json"  # in the folder of a training, like the next one
TEST_FOLDER = "test"

_DAMAGED = "{file} contains no splits of the paper's protocol: delete it and run `cscn paper prepare` again"


@dataclass(frozen=True)
class PaperSplit:
    """The training, validation and test cases of one split, each list sorted."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def paper_splits(patients: Mapping[str, str], *, seed: int = SEED) -> list[PaperSplit]:
    """Split cases as in the paper, with the same proportions. All cases of a patient are in the same set.

    Args:
        patients: Patient of each case.
        seed: Random seed; the same seed gives the same splits.

    Raises:
        UserError: If there are too few patients for a training, a validation and a test set in every split.

    Example:
        >>> splits = paper_splits({f"case_{i:03d}": f"patient_{i:03d}" for i in range(120)})
        >>> {(len(split.train), len(split.validation), len(split.test)) for split in splits}
        {(87, 9, 24)}
    """
    names = sorted(set(patients.values()))
    if len(names) < N_SPLITS + 2:
        raise UserError(
            f"{N_SPLITS} splits into train, validation and test need {N_SPLITS + 2} patients; "
            f"the data set has {len(names)}"
        )
    draw = random.Random(seed)
    draw.shuffle(names)
    cases = {name: sorted(case for case, patient in patients.items() if patient == name) for name in names}
    tests = _deal_into_test_sets(names, cases)
    splits = []
    for test in tests:
        others = [name for name in names if name not in test]
        draw.shuffle(others)
        wanted = max(1, round(VALIDATION_SHARE * sum(len(cases[name]) for name in others)))
        validation = _take_first(others, cases, wanted)
        train = [name for name in others if name not in validation]
        splits.append(
            PaperSplit(*(tuple(sorted(c for n in part for c in cases[n])) for part in (train, validation, test)))
        )
    return splits


def write_paper_splits(file: Path, splits: Sequence[PaperSplit], patients: Mapping[str, str]) -> None:
    """Write the splits to their own file, which only the paper's trainers read. An existing equal file is kept.

    Args:
        file: The file.
        splits: The splits.
        patients: Patient of each case, stored for the statistics.

    Raises:
        UserError: If the file contains other splits, because networks may have been trained on them.
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
        UserError: If the file is missing or damaged, a list of cases is empty, or a case stands twice in a split.
    """
    entries = _content(file)["splits"]
    keys = {each.name for each in fields(PaperSplit)}
    if not isinstance(entries, list) or not all(_is_split(entry, keys) for entry in entries):
        raise UserError(_DAMAGED.format(file=file))
    for number, entry in enumerate(entries):
        sides = {TRAINING if key == "train" else key: names for key, names in entry.items()}
        check_sides(file, f"split {number}", sides, remedy="delete the file and run `cscn paper prepare` again")
    return [PaperSplit(**{key: tuple(names) for key, names in entry.items()}) for entry in entries]


def read_patients(file: Path) -> dict[str, str]:
    """Read the patient of each case.

    Raises:
        UserError: If the file is missing or damaged.
    """
    patients = _content(file)["patients"]
    if not isinstance(patients, dict):
        raise UserError(_DAMAGED.format(file=file))
    return {case: str(patient) for case, patient in patients.items()}


def save_split(folder: Path, split: PaperSplit) -> None:
    """Save the split in the folder of a training."""
    write_json(folder / SPLIT_FILE, asdict(split))


def check_split(folder: Path, split: PaperSplit) -> None:
    """Check that the split has not changed since the training started. Otherwise test cases may be in its training set.

    Args:
        folder: Folder of the training. If it contains no split yet, it passes.
        split: The present split.

    Raises:
        UserError: If the training started with another split.
    """
    file = folder / SPLIT_FILE
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


def _is_split(entry: Any, keys: set[str]) -> bool:
    return isinstance(entry, dict) and entry.keys() == keys and all(are_texts(names) for names in entry.values())


def _deal_into_test_sets(names: Sequence[str], cases: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Distribute the patients over the test sets, each to the set with the fewest cases so far."""
    test_sets: list[list[str]] = [[] for _ in range(N_SPLITS)]
    for name in names:
        min(test_sets, key=lambda test_set: sum(len(cases[n]) for n in test_set)).append(name)
    return test_sets


def _take_first(names: Sequence[str], cases: Mapping[str, Any], wanted: int) -> list[str]:
    """Return the first patients with at least ``wanted`` cases in total, but never all patients."""
    chosen: list[str] = []
    for name in names[:-1]:
        if sum(len(cases[n]) for n in chosen) >= wanted:
            break
        chosen.append(name)
    return chosen
