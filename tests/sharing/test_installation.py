import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.sharing import installation
from nnunet_cscn.workflows.share_models import export_model, install_model
from sharing.conftest import NAME

PLACE = f"Dataset901_Tiny/{NAME}"


def test_a_zip_of_stock_nnunet_is_installed_as_it_is(model, zipped, results):
    ensemble = ("Dataset901_Tiny/ensembles/a___b/postprocessing.json", b"{}")
    installed = install_model(zipped(model, ensemble))
    assert [place.relative_to(results).as_posix() for place in installed.places] == [
        PLACE,
        "Dataset901_Tiny/ensembles/a___b",
    ]
    for file in (path for path in model.rglob("*") if path.is_file()):
        assert (results / PLACE / file.relative_to(model)).read_bytes() == file.read_bytes()
    (checked,) = installed.models
    assert any("no manifest" in note for note in checked.notes)


def test_what_is_no_part_of_a_model_is_left_out_with_a_word(model, zipped, results):
    junk = ("__MACOSX/Dataset901_Tiny/._plans.json", b"?"), ("Dataset901_Tiny/run.sh", b"touch ran")
    installed = install_model(zipped(model, *junk))
    assert [note.split(" is left out")[0] for note in installed.notes] == [name for name, _ in junk]
    assert not list(results.rglob("run.sh"))


def test_an_installed_model_is_replaced_only_when_asked(model, tmp_path, results):
    export_model(model, tmp_path / "out.zip", folds=[0])
    install_model(tmp_path / "out.zip")
    (results / PLACE / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is there already: add overwrite"):
        install_model(tmp_path / "out.zip")
    assert (results / PLACE / "mine.txt").is_file()
    install_model(tmp_path / "out.zip", overwrite=True)
    assert not (results / PLACE / "mine.txt").exists()


def test_all_is_as_before_when_a_step_fails(model, zipped, results, tmp_path, monkeypatch):
    export_model(model, tmp_path / "out.zip", folds=[0])
    install_model(tmp_path / "out.zip")
    (results / PLACE / "mine.txt").write_text("mine")
    before = sorted(path.relative_to(results) for path in results.rglob("*"))
    parts = installation._parts

    def with_one_that_is_gone(dataset):
        return [*parts(dataset), dataset / "gone"]

    monkeypatch.setattr(installation, "_parts", with_one_that_is_gone)
    with pytest.raises(FileNotFoundError):
        install_model(tmp_path / "out.zip", overwrite=True)
    assert sorted(path.relative_to(results) for path in results.rglob("*")) == before


def test_without_results_the_variable_is_named(model, tmp_path, monkeypatch):
    monkeypatch.delenv("nnUNet_results", raising=False)
    export_model(model, tmp_path / "out.zip", folds=[0])
    with pytest.raises(UserError, match="nnUNet_results is not set"):
        install_model(tmp_path / "out.zip")
