"""Models whose entries have other types than those of nnU-Net: told in a sentence, or described without the entry."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from nnunet_cscn.errors import UserError
from nnunet_cscn.workflows.share_models import check_model, export_model, install_model


def changed_json(file, **entries):
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, **entries}), encoding="utf-8")


def changed_checkpoint(model, arguments=None, **entries):
    file = model / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file, weights_only=False)
    content["init_args"] |= arguments or {}
    torch.save({**content, **entries}, file)


def problems(model):
    return [sentence for checked in check_model(model) for sentence in checked.problems]


@pytest.mark.parametrize("parent", [["3d_tiny"], 3, {"a": 1}])
def test_plans_that_inherit_from_no_name_are_told(model, parent):
    file = model / "plans.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["configurations"]["3d_tiny"]["inherits_from"] = parent
    file.write_text(json.dumps(content), encoding="utf-8")
    assert any("have no configuration" in sentence for sentence in problems(model))


@pytest.mark.parametrize(
    ("arguments", "entries"),
    [
        ({"cscn": [1]}, {}),
        ({"cscn": None}, {}),
        ({"configuration": torch.ones(2)}, {}),
        ({"plans": [1]}, {}),
        ({}, {"trainer_name": 5}),
        ({}, {"network_weights": [1]}),
    ],
)
def test_entries_of_other_types_make_no_checkpoint(model, tmp_path, arguments, entries):
    changed_checkpoint(model, arguments, **entries)
    assert any("is not an nnU-Net checkpoint" in sentence for sentence in problems(model))
    with pytest.raises(UserError, match="is not an nnU-Net checkpoint"):
        export_model(model, tmp_path / "out.zip")


@pytest.mark.parametrize("split", [None, [1], {"train": 1, "val": None}])
def test_a_split_without_lists_leaves_the_numbers_of_cases_unknown(model, split):
    changed_checkpoint(model, {"cscn": {"split": split}})
    (checked,) = check_model(model)
    assert checked.problems == ()
    assert (checked.folds[0]["n_training_cases"], checked.folds[0]["n_validation_cases"]) == (None, None)
    assert (checked.folds[1]["n_training_cases"], checked.folds[1]["n_validation_cases"]) == (2, 1)


@pytest.mark.parametrize("scores", [None, [1]])
def test_a_summary_without_mean_scores_leaves_the_dice_unknown(model, scores):
    changed_json(model / "fold_0" / "validation" / "summary.json", foreground_mean=scores)
    (checked,) = check_model(model)
    assert [fold["validation_dice"] for fold in checked.folds] == [None, 0.75]


@pytest.mark.parametrize(
    "entries",
    [{"network_weights": {"a": "b"}}, {"network_weights": {1: torch.ones(2)}}, {"current_epoch": torch.ones(2)}],
)
def test_what_safetensors_cannot_hold_is_not_exported(model, tmp_path, entries):
    changed_checkpoint(model, **entries)
    assert problems(model) == []
    with pytest.raises(UserError, match="export"):
        export_model(model, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content.pop("trainer_name"),
        lambda content: content["init_args"].pop("configuration"),
        lambda content: content["init_args"].update(cscn=[1]),
        lambda content: content.update(inference_allowed_mirroring_axes=5),
    ],
)
def test_safetensors_without_the_entries_of_a_checkpoint_are_told(model, results, tmp_path, spoil):
    export_model(model, tmp_path / "out.zip", pickles=False)
    (installed,) = install_model(tmp_path / "out.zip").places
    file = installed / "fold_0" / "checkpoint_final.safetensors"
    with safe_open(file, framework="pt") as opened:
        content = json.loads(opened.metadata()["nnunet_cscn"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    spoil(content)
    save_file(tensors, file, metadata={"nnunet_cscn": json.dumps(content)})
    assert any("contains no weights of an exported model" in sentence for sentence in problems(installed))
