import numpy as np

from nnunet_cscn.report.colours import LABEL_COLOURS
from nnunet_cscn.report.rank_figure import rank_figure
from nnunet_cscn.stats.ranks import rank_methods


def ranking_of(**shift):
    random = np.random.default_rng(0)
    base = random.uniform(0.4, 0.9, 30)
    values = {name: base + by + random.normal(0, 0.01, 30) for name, by in shift.items()}
    return rank_methods(values, higher_is_better=True)


def test_every_method_stands_there_with_its_mean_rank():
    ranking = ranking_of(good=0.3, also_good=0.3, bad=-0.3, worst=-0.5)
    (panel,) = rank_figure(ranking, title="DSC").axes
    shown = [text.get_text() for text in panel.texts]
    for name, rank in ranking.mean_ranks.items():
        assert f"{name} ({rank:.2f})" in shown
    assert f"critical difference {ranking.critical_difference:.2f}" in shown


def test_bars_join_those_that_are_not_told_apart():
    ranking = ranking_of(good=0.3, also_good=0.3, bad=-0.3)
    assert {frozenset(group) for group in ranking.groups} == {frozenset(("good", "also_good"))}
    (panel,) = rank_figure(ranking, title="DSC").axes
    bars = [line.get_xdata() for line in panel.lines if line.get_color() == LABEL_COLOURS[0]]
    best, second, _ = ranking.mean_ranks.values()
    assert len(bars) == 1
    assert np.allclose(bars[0], (best - 0.04, second + 0.04))


def test_the_critical_difference_is_drawn_at_its_length():
    ranking = ranking_of(a=0.3, b=0.0, c=-0.3, d=-0.5)
    (panel,) = rank_figure(ranking, title="DSC").axes
    (bar,) = [line for line in panel.lines if line.get_linewidth() == 2]
    assert np.isclose(np.ptp(bar.get_xdata()), ranking.critical_difference)
