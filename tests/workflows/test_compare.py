import json
import math

import numpy as np
import pytest

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.files import write_json
from nnunet_cscn.workflows.compare import compare_folders
from nnunet_cscn.workflows.evaluate import evaluate_folders

N_CASES = 6
KEPT = {"low": 2, "middle": 3, "high": 4}  # predicted columns of the 4 columns of the reference


@pytest.fixture
def folders(tmp_path, write_volume):
    """Six cases. Each method predicts the number of reference columns in `KEPT`, and no other voxels."""
    for case in range(N_CASES):
        reference = np.zeros((3, 5, 8), dtype=np.uint8)
        reference[1, 1:4, 1:5] = 1
        write_volume(tmp_path / "truth" / f"case_{case}.nii.gz", reference)
        for name, kept in KEPT.items():
            prediction = np.where(np.arange(8) < 1 + kept, reference, 0).astype(np.uint8)
            write_volume(tmp_path / name / f"case_{case}.nii.gz", prediction)
    return tmp_path


def dsc(name):
    return 2 * KEPT[name] / (KEPT[name] + 4)


def test_pairs_and_ranks_by_hand(folders):
    methods = {name: str(folders / name) for name in KEPT}
    found = compare_folders(methods, reference=str(folders / "truth"), metrics=["dsc"])
    assert (found.methods, len(found.cases), found.left_out) == (("low", "middle", "high"), N_CASES, ())
    table = found.to_dataframe()
    assert table[["label", "metric"]].to_numpy().tolist() == [["1", "dsc"]] * 3
    pairs = table[["first", "second"]].to_numpy().tolist()
    assert pairs == [["low", "middle"], ["low", "high"], ["middle", "high"]]
    for (first, second), row in zip(pairs, table.to_dict("records"), strict=True):
        difference = dsc(first) - dsc(second)
        assert [row[key] for key in ("difference", "low", "high")] == pytest.approx([difference] * 3)
        assert (row["n"], row["effect"], row["n_better"], row["n_worse"]) == (N_CASES, -1.0, 0, N_CASES)
        assert row["p_holm"] == pytest.approx(3 * row["p"])
    (only,) = found.metrics
    assert dict(only.ranking.mean_ranks) == {"high": 1.0, "middle": 2.0, "low": 3.0}


def test_the_json_holds_everything(folders):
    found = compare_folders({"a": folders / "low", "b": folders / "high"}, folders / "truth", seed=3)
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert (content["methods"], content["n_cases"], content["seed"]) == (["a", "b"], N_CASES, 3)
    assert [each["metric"] for each in content["comparisons"]] == ["dsc", "nsd_2mm", "hd95_mm"]
    assert content["comparisons"][0]["pairs"][0]["first_mean"] == pytest.approx(dsc("low"))


def test_files_of_scores_give_the_same(folders):
    for name in ("low", "high"):
        scores = evaluate_folders(folders / name, folders / "truth", empty_distance="diagonal")
        write_json(folders / f"{name}.json", scores.to_json())
    by_file = compare_folders({name: folders / f"{name}.json" for name in ("low", "high")})
    by_folder = compare_folders({name: folders / name for name in ("low", "high")}, folders / "truth")
    assert by_file.to_json() == by_folder.to_json()


def test_labels_are_named(folders):
    methods = {name: folders / name for name in ("low", "high")}
    found = compare_folders(methods, folders / "truth", metrics=["nsd_0.5mm"], labels={"GTVp": 1})
    assert [(each.label, each.metric.key) for each in found.metrics] == [("GTVp", "nsd_0.5mm")]


def test_progress_names_the_method(folders):
    seen = []
    compare_folders(
        {name: folders / name for name in ("low", "high")},
        folders / "truth",
        workers=1,
        on_progress=lambda *step: seen.append(step),
    )
    assert seen == [(name, done, N_CASES) for name in ("low", "high") for done in range(1, N_CASES + 1)]


def test_a_bad_case_of_one_method_is_left_out_of_all_when_asked(folders):
    methods = {name: folders / name for name in ("low", "high")}
    (folders / "low" / "case_2.nii.gz").write_bytes(b"torn")
    with pytest.raises(UserError, match="case_2: prediction: "):
        compare_folders(methods, folders / "truth")
    found = compare_folders(methods, folders / "truth", skip_bad=True)
    assert (len(found.cases), found.left_out) == (N_CASES - 1, ("case_2",))
    assert {name: list(skipped) for name, skipped in found.skipped.items()} == {"low": ["case_2"], "high": []}


def test_what_a_file_of_scores_skipped_is_left_out_too_but_not_what_it_merely_lacks(folders):
    (folders / "low" / "case_2.nii.gz").write_bytes(b"torn")
    for name in ("low", "high"):
        scores = evaluate_folders(folders / name, folders / "truth", skip_bad=True)
        write_json(folders / f"{name}.json", scores.to_json())
    methods = {name: folders / f"{name}.json" for name in ("low", "high")}
    options = {"empty_distance": "infinite"}
    with pytest.raises(UserError, match="low lacks case_2"):
        compare_folders(methods, **options)
    assert compare_folders(methods, skip_bad=True, **options).left_out == ("case_2",)
    content = json.loads((folders / "high.json").read_text())
    del content["cases"]["case_4"]
    write_json(folders / "high.json", content)
    with pytest.raises(UserError, match="high lacks case_4"):
        compare_folders(methods, skip_bad=True, **options)
    assert compare_folders(methods, only_common=True, **options).left_out == ("case_2", "case_4")


def test_figures_are_written(folders):
    methods = {name: folders / name for name in KEPT}
    files = compare_folders(methods, folders / "truth", metrics=["dsc"]).write_figures(str(folders / "figures"))
    names = [f"1_dsc_{kind}{ending}" for kind in ("differences", "ranks") for ending in (".png", ".svg")]
    assert [file.name for file in files] == names
    assert all(file.is_file() for file in files)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"methods": {"low": "low"}}, "^methods: expected"),
        ({"reference": None}, "^reference: .*missing"),
        ({"metrics": ["dice"]}, "^metrics: .*dice.*available: dsc, "),
        ({"metrics": ["volume_ml"]}, "^metrics: .*volume_ml"),
        ({"metrics": ["nsd_xmm"]}, "^metrics: expected"),
        ({"workers": 0}, "^workers: expected"),
    ],
)
def test_wrong_values_are_refused_by_the_arguments_name(folders, monkeypatch, options, sentence):
    monkeypatch.chdir(folders)
    with pytest.raises(ArgumentError, match=sentence):
        compare_folders(**{"methods": {"low": "low", "high": "high"}, "reference": "truth", **options})


def test_where_nothing_is_defined_the_table_says_nan(folders, write_volume):
    empty = np.zeros((3, 5, 8), dtype=np.uint8)
    for name in ("truth", "low", "high"):
        for case in range(N_CASES):
            write_volume(folders / name / f"case_{case}.nii.gz", empty)
    methods = {name: folders / name for name in ("low", "high")}
    (row,) = (
        compare_folders(methods, folders / "truth", labels={"a": 1}, metrics=["dsc"]).to_dataframe().to_dict("records")
    )
    assert row["n"] == 0
    assert math.isnan(row["p_holm"])
