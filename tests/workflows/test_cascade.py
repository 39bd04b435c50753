import shutil

import pytest

import tiny_dataset
from nnunet_cscn.cascade.manifest import check_maps, stage_one_maps
from nnunet_cscn.cascade.stage_one import StageOne
from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.workflows.cascade import make_cascade_maps, make_part_of_maps
from tiny_training import CONFIGURATION


@pytest.fixture
def stage_one(staged_folders):
    """A trained stage one without its maps."""
    staged_folders("labels")
    found = StageOne(tiny_dataset.NAME, CONFIGURATION)
    shutil.rmtree(stage_one_maps(found).folder)
    return found


def test_maps_are_made_counted_and_checked(stage_one, capsys):
    seen = []
    maps = make_cascade_maps(901, CONFIGURATION, device="cpu", on_progress=lambda *counts: seen.append(counts))
    assert maps.cases == tuple(f"case_{number}" for number in range(6))
    assert maps.folder == stage_one_maps(stage_one).folder
    assert seen == [(number, 6) for number in range(1, 7)]
    assert capsys.readouterr().out == ""  # the output of nnU-Net is suppressed
    check_maps(stage_one)


def test_jobs_share_the_maps_one_for_each_fold(stage_one):
    handed = []

    def run(executor, jobs):
        handed.extend(jobs)
        for index in range(len(jobs)):
            make_part_of_maps(stage_one, part=(index, len(jobs)), device="cpu")

    maps = make_cascade_maps(901, CONFIGURATION, executor=object(), run=run)
    assert len(maps.cases) == 6
    assert [job.name for job in handed] == [f"maps {number} of 5" for number in range(1, 6)]
    assert [job.total for job in handed] == [2, 1, 1, 1, 1]
    assert handed[0].command == (
        *("cscn", "cascade", tiny_dataset.NAME, CONFIGURATION),
        *("--devices", "{device}", "--part", "0/5"),
    )


def test_maps_that_no_job_has_made_are_missed(stage_one):
    with pytest.raises(UserError, match=r"case_\d: run `cscn cascade"):
        make_cascade_maps(901, CONFIGURATION, executor=object(), n_parts=2, run=lambda executor, jobs: None)


def test_a_wrong_device_is_named(stage_one):
    with pytest.raises(ArgumentError, match=r"^device: .*gpu"):
        make_cascade_maps(901, CONFIGURATION, device="gpu")
