import json

import pytest
import torch

import tiny_checkpoint
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.training.cscn import CSCNTrainer
from nnunet_cscn.workflows.weights import adapt_weights

OTHER = {"labels": {"background": 0, "GTVp": 1}}


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model folder, and the data set that its weights are wanted for."""
    folder = tmp_path / "preprocessed" / "Dataset905_Other"
    monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
    write_json(folder / "newPlans.json", {**tiny_checkpoint.manager().plans, "dataset_name": folder.name})
    write_json(folder / "dataset.json", tiny_checkpoint.description(OTHER, ("CT", "MRI")))
    tiny_checkpoint.write(tmp_path / "model" / "fold_2" / "checkpoint_final.pth", CSCNTrainer)
    return tmp_path / "model"


@pytest.mark.parametrize("part", ["", "fold_2", "fold_2/checkpoint_final.pth"])
def test_a_model_is_named_by_its_folder_a_fold_or_a_file(model, tmp_path, part):
    made = adapt_weights(model / part, 905, tmp_path / "start.pth", plans="newPlans")
    assert made.parts.checkpoint == model / "fold_2" / "checkpoint_final.pth"
    assert torch.load(tmp_path / "start.pth", weights_only=True)["labels"] == ("background", "GTVp")


def test_what_is_kept_and_what_is_new_is_told(model, tmp_path):
    made = adapt_weights(model, 905, tmp_path / "start.pth", plans="newPlans")
    told = made.lines()
    assert "channels: MRI kept; CT new (from the mean of the model's channels)" in told
    assert "labels: background, GTVp kept; GTVn dropped" in told
    assert told[-1] == (
        "next: nnUNetv2_train Dataset905_Other 3d_tiny FOLD -tr CSCNTrainer -p newPlans "
        f"-pretrained_weights {tmp_path / 'start.pth'}"
    )
    assert json.loads(json.dumps(made.to_json()))["new_channels"] == ["CT"]


def test_the_file_is_called_after_the_data_set_by_default(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    adapt_weights(model, "Dataset905_Other", plans="newPlans")
    assert (tmp_path / "Dataset905_Other_start.pth").is_file()


def test_a_folder_without_a_model_is_refused(model, tmp_path):
    with pytest.raises(ArgumentError, match="contains no checkpoint") as refused:
        adapt_weights(tmp_path, 905, plans="newPlans")
    assert refused.value.argument == "model"
    with pytest.raises(UserError, match="has no plans"):
        adapt_weights(model, 905)
