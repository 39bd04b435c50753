"""Models that would do harm: each is refused with its reason, and nothing of it runs."""

import json
import os
import pickle
import stat
import struct
import zipfile

import numpy as np
import pytest
import torch

import hostile_files
from nnunet_cscn.errors import UserError
from nnunet_cscn.workflows.share_models import check_model, export_model, install_model
from sharing.conftest import NAME

PLACE = f"Dataset901_Tiny/{NAME}"


def linked(name, mode=stat.S_IFLNK):
    member = zipfile.ZipInfo(name)
    member.external_attr = (mode | 0o777) << 16
    return member


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("/etc/evil.json", "absolute path"),
        ("C:/evil.json", "absolute path"),
        ("../evil.json", "leads elsewhere"),
        (f"{PLACE}/../../../evil.json", "leads elsewhere"),
        (f"{PLACE}\\..\\evil.json", "leads elsewhere"),
        (f"{PLACE}/./evil.json", "leads elsewhere"),
        (f"{PLACE}/\x1b[2Jevil.json", r"\\x1b\[2Jevil\.json has control characters"),
        (f"{PLACE}/{'a' * 300}.json", "too long"),
        (linked(f"{PLACE}/evil.json"), "is a link"),
        (linked(f"{PLACE}/evil.json", stat.S_IFIFO), "neither a file nor a folder"),
        (linked(f"{PLACE}/evil.json", stat.S_IFCHR), "neither a file nor a folder"),
        (f"{PLACE}/plans.json", "there twice"),
        (f"{PLACE}/plans.json/evil.json", "a file and a folder"),
        ("evil.json", "folder of a data set"),
        ("bin/evil.json", "folder of a data set"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_paths_that_lead_elsewhere_are_refused(model, zipped, results, tmp_path, member, words):
    archive = zipped(model, (member, b"/etc/passwd"))
    for look in (check_model, install_model):
        with pytest.raises(UserError, match=words) as refused:
            look(archive)
        assert "\x1b" not in str(refused.value)
    assert list(results.iterdir()) == []
    assert not list(tmp_path.rglob("evil*"))


def test_an_archive_that_grows_out_of_all_proportion_is_refused(model, zipped, results):
    archive = zipped(model, (f"{PLACE}/zeros.json", bytes(2**29)))
    with pytest.raises(UserError, match=r"would grow from .* MB to 537 MB"):
        install_model(archive)


def test_members_that_lie_inside_each_other_are_refused(model, zipped, results):
    content = bytearray(zipped(model, (f"{PLACE}/a.json", b"1"), (f"{PLACE}/b.json", b"2")).read_bytes())
    first, second = (content.rfind(f"{PLACE}/{name}.json".encode()) - 46 for name in "ab")
    content[second + 42 : second + 46] = content[first + 42 : first + 46]  # both begin at the first one's place
    file = results.parent / "overlapping.zip"
    file.write_bytes(content)
    with pytest.raises(UserError, match="lies inside"):
        install_model(file)


def test_a_size_that_is_not_true_is_refused(model, zipped, results):
    content = bytearray(zipped(model, (f"{PLACE}/a.json", b"[" + b" " * 5000 + b"]")).read_bytes())
    entry = content.rfind(f"{PLACE}/a.json".encode()) - 46
    assert struct.unpack_from("<I", content, entry + 24) == (5002,)
    struct.pack_into("<I", content, entry + 24, 10)
    file = results.parent / "lying.zip"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json is damaged"):
        install_model(file)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 and then nothing"])
def test_what_is_no_zip_is_told(tmp_path, results, content):
    (tmp_path / "a.zip").write_bytes(content)
    for look in (check_model, install_model):
        with pytest.raises(UserError, match="not a whole zip"):
            look(tmp_path / "a.zip")


def test_a_torn_zip_is_told(model, tmp_path, results):
    export_model(model, tmp_path / "out.zip")
    (tmp_path / "torn.zip").write_bytes((tmp_path / "out.zip").read_bytes()[:5000])
    with pytest.raises(UserError, match="not a whole zip"):
        install_model(tmp_path / "torn.zip")


def test_an_archive_without_members_is_told(tmp_path, results):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for look in (check_model, install_model):
        with pytest.raises(UserError, match=r"empty\.zip contains no trained model"):
            look(tmp_path / "empty.zip")


def test_a_member_with_other_bits_is_told(model, zipped, results):
    content = bytearray(zipped(model, (f"{PLACE}/a.json", bytes(range(256)) * 16)).read_bytes())
    packed = content.find(f"{PLACE}/a.json".encode()) + len(f"{PLACE}/a.json")
    content[packed : packed + 50] = b"\xff" * 50  # no block of deflate begins so
    file = results.parent / "bits.zip"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json is damaged"):
        install_model(file)


@pytest.mark.parametrize("kind", ["reduce", "object", "names on the stack", "names from the memo"])
@pytest.mark.parametrize("place", ["fold_0/checkpoint_final.pth", "fold_1/checkpoint_best.pth"])
def test_a_checkpoint_that_runs_something_is_refused(model, zipped, results, tmp_path, kind, place):
    clean = model / "fold_0" / "checkpoint_final.pth"
    bad = hostile_files.repacked(clean, tmp_path / "bad.pth", hostile_files.by_hand(tmp_path / "ran")[kind])
    bad.replace(model / place)
    (checked,) = check_model(model)
    assert any(f"{place} is not loaded" in sentence and "os.system" in sentence for sentence in checked.foreign)
    assert not any("trust=True" in sentence for sentence in checked.foreign)  # nothing is loaded by a check
    with pytest.raises(UserError, match=r"os\.system[^;]*\n  if you trust it, add trust=True"):
        install_model(zipped(model))
    assert list(results.iterdir()) == []
    assert not (tmp_path / "ran").exists()
    install_model(zipped(model), trust=True)
    assert (results / PLACE / place).is_file()
    assert not (tmp_path / "ran").exists()


def test_a_postprocessing_that_runs_something_is_refused(model, zipped, results, tmp_path):
    file = model / "crossval_results_folds_0_1" / "postprocessing.pkl"
    file.parent.mkdir()
    file.write_bytes(hostile_files.by_hand(tmp_path / "ran")["protocol 5"])
    with pytest.raises(UserError, match=r"postprocessing\.pkl is not loaded.*os\.system"):
        install_model(zipped(model))
    assert not (tmp_path / "ran").exists()


def test_a_pickle_beside_the_models_is_looked_at_too(model, zipped, results, tmp_path):
    archive = zipped(model, ("Dataset901_Tiny/ensembles/a___b/postprocessing.pkl", b"cposix\nsystem\n."))
    with pytest.raises(UserError, match=r"os\.system"):
        install_model(archive)


@pytest.mark.parametrize("where", ["plans.json", "checkpoint"])
def test_plans_that_run_something_are_refused(model, zipped, results, where):
    plans = json.loads((model / "plans.json").read_text(encoding="utf-8"))
    block = plans["configurations"]["3d_tiny"]["architecture"]
    block["arch_kwargs"] |= {"nonlin": "subprocess.Popen", "nonlin_kwargs": {"args": ["touch", str(results / "ran")]}}
    block["_kw_requires_import"] = ["nonlin"]
    if where == "checkpoint":
        file = model / "fold_0" / "checkpoint_final.pth"
        content = torch.load(file, weights_only=False)
        content["init_args"]["plans"] = plans
        torch.save(content, file)
    else:
        (model / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    with pytest.raises(UserError, match=r"subprocess\.Popen"):
        install_model(zipped(model))
    assert list(results.iterdir()) == []


def test_links_that_lead_out_of_a_folder_are_told(model, tmp_path):
    (tmp_path / "secret.json").write_text("{}")
    (model / "notes.json").symlink_to(tmp_path / "secret.json")
    (model / "fold_2").symlink_to(tmp_path)
    (checked,) = check_model(model)
    assert len([sentence for sentence in checked.problems if "leads out of the folder" in sentence]) == 2


def test_links_that_lead_nowhere_are_told(model):
    (model / "loop.json").symlink_to("loop.json")
    (model / "lost.json").symlink_to("no_such_file.json")
    (checked,) = check_model(model)
    assert len([sentence for sentence in checked.problems if "leads nowhere" in sentence]) == 2


def test_pipes_in_a_folder_are_told_and_not_opened(model):
    os.mkfifo(model / "fold_0" / "checkpoint_best.pth")
    (checked,) = check_model(model)
    assert any("neither a file nor a folder" in sentence for sentence in checked.problems)


def test_files_that_were_changed_on_the_way_are_told(model, zipped, results, tmp_path):
    export_model(model, tmp_path / "out.zip")
    install_model(tmp_path / "out.zip")
    installed = results / PLACE
    (installed / "dataset.json").write_text((installed / "dataset.json").read_text() + " ")
    (installed / "fold_1" / "checkpoint_final.safetensors").unlink()
    (installed / "more.json").write_text("{}")
    (checked,) = check_model(installed)
    assert [" ".join(sentence.split()[:4]) for sentence in checked.problems] == [
        "fold_1/checkpoint_final.safetensors is missing",
        "dataset.json is not the",
    ]
    assert checked.notes == ("more.json is not in the manifest",)


def test_weights_that_differ_between_both_forms_are_told(model, tmp_path, results):
    export_model(model, tmp_path / "out.zip")
    install_model(tmp_path / "out.zip")
    file = results / PLACE / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file, weights_only=False)
    next(iter(content["network_weights"].values())).add_(1)
    torch.save(content, file)
    (checked,) = check_model(results / PLACE)
    assert any("different weights" in sentence for sentence in checked.problems)


def test_json_that_is_nested_without_end_is_told(model, zipped, results):
    with pytest.raises(UserError, match=r"deep\.json"):
        install_model(zipped(model, (f"{PLACE}/deep.json", b"[" * 100_000)))


def test_what_was_not_checked_is_named(model, zipped):
    """Stock nnU-Net unpacks all members, and loads any file that it is asked for as a checkpoint."""
    [found] = check_model(zipped(model, (f"{PLACE}/fold_0/checkpoint_best.ckpt", b"x")))
    assert any("checkpoint_best.ckpt is not part of a model and was not checked" in note for note in found.notes)
    (model / "fold_0" / "checkpoint_best.ckpt").write_bytes(b"x")
    [found] = check_model(model)
    assert any("checkpoint_best.ckpt is not part of a model and was not checked" in note for note in found.notes)


def test_the_properties_of_validation_cases_are_no_foreign_code(model):
    """They lie beside the probabilities that ``nnUNetv2_train --npz`` writes."""
    properties = {"spacing": [np.float64(1)], "shape": np.array([1, 2]), "sitk_stuff": {"origin": (0.0,)}}
    file = model / "fold_0" / "validation" / "a.pkl"
    file.write_bytes(pickle.dumps(properties))
    assert check_model(model)[0].foreign == ()
    file.write_bytes(b"cposix\nsystem\n.")
    assert "os.system" in check_model(model)[0].foreign[0]


def test_a_weight_that_repeats_one_number_is_refused(model, tmp_path):
    file = model / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file, weights_only=False)
    name = next(iter(content["network_weights"]))
    content["network_weights"][name] = torch.zeros(1).expand(2**20, 2**20)
    torch.save(content, file)
    with pytest.raises(UserError, match="not an nnU-Net checkpoint"):
        export_model(model, tmp_path / "out.zip")
