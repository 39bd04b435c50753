import json

import pytest

from nnunet_cscn.cascade.manifest import Manifest
from nnunet_cscn.errors import UserError

PROVENANCE = {"fold": 0, "checkpoint_sha256": "ab", "image_sha256": "cd", "shape": [1, 2, 3, 4], "format": 1}
CONTENT = {
    **{"trainer": "BUNetTrainer", "plans": "nnUNetPlans", "configuration": "3d_fullres"},
    **{"checkpoint": "checkpoint_final.pth", "labels": {"background": 0, "GTVp": 1}, "cases": {"a": PROVENANCE}},
}


def read(folder, content):
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return Manifest.read(folder / "manifest.json")


def test_a_manifest_is_read(tmp_path):
    manifest = read(tmp_path, CONTENT)
    assert manifest.checkpoint_hashes == {0: "ab"}
    assert manifest.cases["a"].shape == (1, 2, 3, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": 3},
        {"labels": [["background", 0]]},
        {"checkpoint": None},
        {"trainer": ["a"]},
        {"cases": {"a": {**PROVENANCE, "fold": [1]}}},
        {"cases": {"a": {**PROVENANCE, "fold": "0"}}},
        {"cases": {"a": {**PROVENANCE, "shape": ["1"]}}},
        {"cases": {"a": {**PROVENANCE, "shape": 3}}},
        {"cases": {"a": {**PROVENANCE, "image_sha256": None}}},
        {"cases": {"a": None}},
        {"cases": []},
        {"more": 1},
    ],
)
def test_a_manifest_with_entries_of_other_types_is_refused(tmp_path, change):
    with pytest.raises(UserError, match="not a manifest"):
        read(tmp_path, {**CONTENT, **change})
