import pytest

from nnunet_cscn.diagnosis import folders


def test_three_usable_folders_are_fine(empty_nnunet_folders):
    assert [finding.state for finding in folders.check_folders()] == ["ok", "ok", "ok"]


def test_an_unset_variable_comes_with_the_export_to_type(empty_nnunet_folders, monkeypatch):
    monkeypatch.delenv("nnUNet_results")
    finding = folders.check_folder("nnUNet_results")
    assert (finding.state, finding.detail) == ("fault", "nnUNet_results is not set")
    assert "export nnUNet_results=" in finding.remedy


def test_a_folder_that_does_not_exist_is_a_fault(empty_nnunet_folders):
    empty_nnunet_folders["nnUNet_raw"].rmdir()
    finding = folders.check_folder("nnUNet_raw")
    assert finding.state == "fault"
    assert "mkdir -p" in finding.remedy


def test_a_folder_that_may_not_be_written_is_a_fault(empty_nnunet_folders, monkeypatch):
    monkeypatch.setattr(folders.os, "access", lambda folder, mode: False)
    finding = folders.check_folder("nnUNet_raw")
    assert finding.state == "fault"
    assert finding.remedy.startswith("Run `chmod u+rwx")


@pytest.mark.parametrize("variable", folders.FOLDER_VARIABLES)
def test_the_variable_is_the_subject(empty_nnunet_folders, variable):
    assert folders.check_folder(variable).subject == variable
