import numpy as np
import pytest

from nnunet_cscn.errors import ArgumentError
from nnunet_cscn.workflows.report import write_report


@pytest.fixture
def folders(tmp_path, write_volume):
    """Three cases of 7 x 6 pixels in two slices. The predictions are shifted by 0, 1 and 2 columns."""
    reference = np.zeros((4, 20, 16), dtype=np.uint8)
    reference[1:3, 5:12, 4:10] = 1
    for number in range(3):
        write_volume(tmp_path / "p" / f"case_{number}.nii.gz", np.roll(reference, number, axis=2))
        write_volume(tmp_path / "r" / f"case_{number}.nii.gz", reference)
        write_volume(tmp_path / "i" / f"case_{number}_0000.nii.gz", reference.astype(np.float32))
    return tmp_path


def test_the_page_its_figures_and_the_scores_are_returned(folders):
    seen = []
    report = write_report(
        str(folders / "out" / "r.html"),
        str(folders / "p"),
        str(folders / "r"),
        images=str(folders / "i"),
        labels={"GTVp": 1},
        show=1,
        workers=1,
        on_progress=lambda *step: seen.append(step),
    )
    assert [by_label["GTVp"].counts.dsc for by_label in report.scores.cases.values()] == pytest.approx(
        [1, 5 / 6, 4 / 6]
    )
    text = report.file.read_text(encoding="utf-8")
    assert "Segmentation report: p" in text
    assert "<pre>nnunet_cscn.workflows.report.write_report</pre>" in text
    assert repr(report) == f"Report({report.file}, 3 cases, labels: GTVp)"
    assert len(list(report.figures.iterdir())) == 6
    assert seen == [(step, done, 3) for step in ("evaluating", "drawing") for done in (1, 2, 3)]


def test_title_command_and_shown_cases_are_chosen(folders):
    seen = []
    report = write_report(
        folders / "r.html",
        folders / "p",
        folders / "r",
        show=0,
        cases=["case_1"],
        title="One case",
        command=["cscn", "report", "p q"],
        on_progress=lambda *step: seen.append(step),
    )
    text = report.file.read_text(encoding="utf-8")
    assert "<h1>One case</h1>" in text
    assert "<pre>cscn report &#39;p q&#39;</pre>" in text
    assert seen[-1] == ("drawing", 1, 1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"file": "r.pdf"}, r"^file: .*r\.pdf"),
        ({"images": "absent"}, "^images: .*absent"),
        ({"images": "i", "channel": 1}, "^images: "),
        ({"cases": ["x"]}, "^cases: .*x"),
        ({"show": -1}, "^show: .*-1"),
        ({"channel": -1}, "^channel: .*-1"),
        ({"tolerances_mm": (-1,)}, "^tolerances_mm: expected"),
    ],
)
def test_wrong_values_are_refused_by_the_arguments_name_and_nothing_is_written(folders, monkeypatch, options, sentence):
    monkeypatch.chdir(folders)
    before = sorted(folders.iterdir())
    with pytest.raises(ArgumentError, match=sentence):
        write_report(**{"file": "r.html", "predictions": "p", "references": "r", **options})
    assert sorted(folders.iterdir()) == before
