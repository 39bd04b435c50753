import numpy as np
import pytest


@pytest.fixture
def folders(tmp_path, write_volume):
    reference = np.zeros((4, 20, 16), dtype=np.uint8)
    reference[1:3, 5:12, 4:10] = 1
    for number in range(3):
        write_volume(tmp_path / "p" / f"case_{number}.nii.gz", np.roll(reference, number, axis=2))
        write_volume(tmp_path / "r" / f"case_{number}.nii.gz", reference)
        write_volume(tmp_path / "i" / f"case_{number}_0000.nii.gz", reference.astype(np.float32))
    return tmp_path


def test_page_and_figures_are_written(cscn, folders):
    page = folders / "out" / "r.html"
    status, out, _ = cscn("report", folders / "p", folders / "r", "--images", folders / "i", "-o", page)
    assert status == 0
    assert f"{page}: 3 cases" in out
    text = page.read_text(encoding="utf-8")
    assert "Segmentation report: p" in text
    assert "case_2" in text
    assert len(list((folders / "out" / "r_figures").iterdir())) == 6
    assert sorted(p.name for p in page.parent.iterdir()) == ["r.html", "r_figures"]


def test_it_can_be_run_twice_without_images(cscn, folders):
    for _ in range(2):
        status, *_ = cscn("report", folders / "p", folders / "r", "-o", folders / "r.html", "--title", "first <try>")
        assert status == 0
    assert "<h1>first &lt;try&gt;</h1>" in (folders / "r.html").read_text(encoding="utf-8")


def test_mistakes_are_told_before_anything_is_written(refused, folders):
    def said(*options):
        return " ".join(refused("report", folders / "p", folders / "r", "-o", folders / "r.html", *options).split())

    assert f"folder not found: {folders / 'absent'}" in said("--images", folders / "absent")
    assert "case_0: without an image case_0_0001.nii.gz" in said("--images", folders / "i", "--channel", 1)
    assert "case not found: x" in said("--case", "x")
    assert "--nsd a: expected tolerances" in said("--nsd", "a")
    assert "ends with .html" in " ".join(refused("report", folders / "p", folders / "r", "-o", folders).split())
    assert not (folders / "r.html").exists()


def test_bad_cases_are_left_out_when_asked(cscn, folders):
    (folders / "p" / "case_1.nii.gz").write_bytes(b"torn")
    status, *_ = cscn("report", folders / "p", folders / "r", "-o", folders / "r.html")
    assert status == 2
    status, *_ = cscn("report", folders / "p", folders / "r", "-o", folders / "r.html", "--skip-bad")
    assert status == 0
    assert "case_1</b>: prediction: " in (folders / "r.html").read_text(encoding="utf-8")
