import itertools
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

from nnunet_cscn.report import figures
from nnunet_cscn.report.chart_values import charted_metrics
from nnunet_cscn.report.figures import bland_altman_figure, distribution_figure, volume_dsc_figure, write_figures


def test_every_figure_is_written_as_png_and_svg(predicted, tmp_path):
    files = write_figures(predicted.scores, tmp_path / "figures")
    assert sorted(tmp_path.joinpath("figures").iterdir()) == sorted(files)
    names = ("distributions", "dsc_by_volume", "volumes_bland_altman")
    assert {file.name for file in files} == {f"{name}{ending}" for name in names for ending in (".png", ".svg")}
    for file in files:
        if file.suffix == ".png":
            assert imread(file).std() > 0.01
        else:
            assert ElementTree.parse(file).getroot().tag.endswith("svg")


def test_there_is_a_panel_for_each_metric_and_no_empty_one(predicted):
    figure = distribution_figure(predicted.scores)
    shown = [panel for panel in figure.axes if panel.axison]
    assert [panel.get_title() for panel in shown] == [m.heading for m in charted_metrics(predicted.scores.metrics)]


def test_a_failing_write_leaves_what_was_there(predicted, tmp_path, monkeypatch):
    files = write_figures(predicted.scores, tmp_path)
    before = {file: file.read_bytes() for file in files}

    def fail(_figure, file, **_options):
        file.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figures.Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        write_figures(predicted.scores, tmp_path)
    assert {file: file.read_bytes() for file in files} == before


def test_names_are_shown_literally_whatever_they_hold(predicted, tmp_path):
    scores = predicted.scores
    labels = ("$_{x$", "_hidden", "a very long name that does not end soon")
    odd = {case: dict.fromkeys(labels, found["GTVp"]) for case, found in scores.cases.items()}
    write_figures(replace(scores, cases=odd), tmp_path)
    (panel,) = volume_dsc_figure(replace(scores, cases=odd)).axes
    shown = [text.get_text() for text in panel.get_legend().get_texts()]
    assert [text.lstrip("\u200b").replace("\\$", "$") for text in shown] == list(labels)


@pytest.mark.filterwarnings("error")
def test_sixty_labels_have_room(predicted):
    one = {case: labels["GTVp"] for case, labels in predicted.scores.cases.items()}
    names = [f"organ {number}" for number in range(60)]
    cases = {case: dict.fromkeys(names, score) for case, score in one.items()}
    many = replace(predicted.scores, cases=cases, metrics=predicted.scores.metrics[:1])
    for made in (distribution_figure(many), volume_dsc_figure(many), bland_altman_figure(many)):
        assert max(made.get_size_inches()) * figures.DPI < 12_000  # viewers refuse larger ones
    figure = distribution_figure(many)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))
