import numpy as np
from PIL import Image

from nnunet_cscn.report.training_curves import draw_training_curves


def test_long_names_of_runs_stay_inside_the_picture(tmp_path):
    rows = [{"epoch": float(epoch), "training_loss": -0.1 * epoch, "learning_rate": 0.01} for epoch in range(3)]
    names = [f"results_of_{letter}/Dataset905_LGG/CSCNTrainer__nnUNetPlans__3d_fullres/fold_0" for letter in "abc"]
    draw_training_curves(dict.fromkeys(names, rows), tmp_path / "curves.png")
    pixels = np.asarray(Image.open(tmp_path / "curves.png").convert("L"))
    assert (pixels[-60:] < 128).any()  # the last names
    assert pixels[-200:, :5].min() == pixels[-200:, -5:].min() == 255
