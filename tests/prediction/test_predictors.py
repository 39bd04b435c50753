"""The predictors of two stages, of three views and of stitched maps, with networks that were trained for a moment."""

import json
import shutil

import numpy as np
import pytest
import torch

import tiny_dataset
from nnunet_cscn.prediction.predictor import Model, SlidingWindow
from nnunet_cscn.prediction.stages import StagesPredictor
from tiny_training import CONFIGURATION, load_predictor, set_folders


@pytest.fixture
def kind():
    return "labels"


@pytest.fixture
def folders(trained_models, kind, monkeypatch):
    folder = trained_models(kind)
    set_folders(monkeypatch, folder)
    return folder


def test_on_one_tile_both_stages_are_those_of_the_network(folders):
    predictor = load_predictor(folders, "CSCNTrainer", 1, mirroring=False)
    predictor.use_gaussian = False
    image = torch.randn((1, 8, 16, 16), generator=torch.Generator().manual_seed(0))
    coarse, fine = StagesPredictor(predictor).probabilities(image.numpy())
    with torch.no_grad():
        expected = predictor.network.eval().stage_probabilities(image[None])
    for seen, wanted in zip((coarse, fine), expected, strict=True):
        np.testing.assert_allclose(seen, wanted[0].numpy(), atol=1e-3)
    assert predictor.label_manager.num_segmentation_heads == len(coarse)  # nnU-Net's predictor is unchanged


def test_several_folds_are_averaged(folders):
    image = torch.randn((1, 8, 16, 16), generator=torch.Generator().manual_seed(0)).numpy()

    def stages(*folds):
        return np.stack(StagesPredictor(load_predictor(folders, "CSCNTrainer", *folds)).probabilities(image))

    np.testing.assert_allclose(stages(0, 1), (stages(0) + stages(1)) / 2, atol=2e-3)


@pytest.fixture
def three_views(folders, tmp_path):
    """A copy of the trained CSCN with the option three_views in its plans."""
    model = tmp_path / f"CSCNTrainer__nnUNetPlans__{CONFIGURATION}"
    shutil.copytree(folders / "results" / tiny_dataset.NAME / model.name, model)
    plans = json.loads((model / "plans.json").read_text())
    plans["configurations"][CONFIGURATION]["cscn"]["three_views"] = True
    (model / "plans.json").write_text(json.dumps(plans))
    return Model(model, (0,), "checkpoint_final.pth")


def test_three_views_are_predicted_turned_back_and_averaged(three_views):
    image = torch.randn((1, 12, 40, 24), generator=torch.Generator().manual_seed(0))
    plain = three_views.load(torch.device("cpu"), SlidingWindow(mirroring=False))
    axial = plain.predict_logits_from_preprocessed_data(image).float()
    coronal = plain.predict_logits_from_preprocessed_data(image.transpose(1, 2).contiguous()).float().transpose(1, 2)
    sagittal = plain.predict_logits_from_preprocessed_data(image.permute(0, 3, 1, 2).contiguous()).float()
    expected = (axial + coronal + sagittal.permute(0, 2, 3, 1)) / 3
    views = three_views.load(torch.device("cpu"), SlidingWindow(mirroring=False), mode="views")
    found = views.predict_logits_from_preprocessed_data(image)
    torch.testing.assert_close(found.float(), expected, atol=2e-3, rtol=2e-3)
    assert not torch.allclose(found.float(), axial, atol=1e-2)


@pytest.mark.parametrize("kind", ["labels", "regions"])
def test_stitched_predictions_are_those_from_the_probabilities_of_stage_one_by_itself(folders, kind):
    image = torch.randn((1, 12, 40, 24), generator=torch.Generator().manual_seed(0))  # several tiles
    stage_one = load_predictor(folders, "BUNetTrainer", 0)
    probabilities = stage_one.label_manager.apply_inference_nonlin(
        stage_one.predict_logits_from_preprocessed_data(image).float()
    )
    foreground = probabilities if kind == "regions" else probabilities[1:]
    staged = load_predictor(folders, "CSCNStagedTrainer", 0)
    by_tiles = staged.predict_logits_from_preprocessed_data(image)
    expected = staged.predict_logits_from_preprocessed_data(torch.cat([image, foreground]))
    stitched = load_predictor(folders, "CSCNStagedTrainer", 0, mode="stitched")
    torch.testing.assert_close(stitched.predict_logits_from_preprocessed_data(image), expected, atol=0, rtol=0)
    assert not torch.equal(by_tiles, expected)


def test_the_stages_of_a_stitched_prediction_start_from_the_same_coarse_probabilities(folders):
    image = torch.randn((1, 12, 40, 24), generator=torch.Generator().manual_seed(0))
    stage_one = load_predictor(folders, "BUNetTrainer", 0)
    expected = stage_one.predict_logits_from_preprocessed_data(image).float().softmax(dim=0)
    coarse, fine = StagesPredictor(load_predictor(folders, "CSCNStagedTrainer", 0, mode="stitched")).probabilities(
        image.numpy()
    )
    inside = (slice(None), slice(2, -2), slice(4, -4), slice(4, -4))  # half precision rounds in the corners
    np.testing.assert_allclose(coarse[inside], expected.numpy()[inside], atol=5e-3)
    by_tiles = StagesPredictor(load_predictor(folders, "CSCNStagedTrainer", 0)).probabilities(image.numpy())[1]
    assert np.abs(fine - by_tiles).max() > 1e-3
