import json

import pytest
from typer.testing import CliRunner

from nnunet_cscn import diagnosis
from nnunet_cscn.cli import doctor as command
from nnunet_cscn.cli.main import app
from nnunet_cscn.diagnosis.finding import fault, note, ok

FINE = ok("nnunetv2", "2.8.1")
NOTED = note("device", "no CUDA device [cpu]", "Use a GPU machine.")
BROKEN = fault("nnUNet_raw", "nnUNet_raw is not set", "Run `export nnUNet_raw=/data`.")


@pytest.fixture
def doctor(monkeypatch):
    """Return a function that runs `cscn doctor` with the given findings."""

    def run(findings, *arguments):
        monkeypatch.setattr(command, "diagnose", lambda: findings)
        return CliRunner().invoke(app, ["doctor", *arguments])

    return run


def test_all_well_ends_with_status_0(doctor):
    shown = doctor([FINE, NOTED])
    assert shown.exit_code == 0
    assert "all that is needed works" in shown.output


def test_a_fault_ends_with_status_2_and_its_remedy(doctor):
    shown = doctor([FINE, BROKEN])
    assert shown.exit_code == 2
    assert "Run `export nnUNet_raw=/data`." in shown.output


def test_square_brackets_are_shown_as_they_are(doctor):
    assert "no CUDA device [cpu]" in doctor([NOTED]).output


@pytest.mark.parametrize(("findings", "works", "status"), [([FINE, NOTED], True, 0), ([FINE, BROKEN], False, 2)])
def test_json_holds_every_finding_and_the_verdict(doctor, findings, works, status):
    shown = doctor(findings, "--json")
    content = json.loads(shown.stdout)
    assert shown.exit_code == status
    assert content["works"] is works
    assert content["findings"][0] == {"subject": "nnunetv2", "state": "ok", "detail": "2.8.1", "remedy": ""}
    assert len(content["findings"]) == len(findings)


def test_a_check_that_fails_itself_is_a_fault_and_hides_nothing(monkeypatch):
    def check_moon():
        raise OSError("no moon")

    (finding,) = diagnosis._run_check(check_moon)
    assert (finding.subject, finding.state, finding.detail) == ("moon", "fault", "OSError: no moon")


@pytest.mark.slow
def test_the_real_diagnosis_names_versions_trainers_and_device(empty_nnunet_folders):
    subjects = [finding.subject for finding in diagnosis.diagnose()]
    assert {"torch", "nnUNet_raw", "trainers registered", "CSCNTrainer", "torch.compile", "shared memory"} <= set(
        subjects
    )
