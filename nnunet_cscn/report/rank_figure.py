"""Methods by their mean ranks, with those that are not told apart joined by a bar (Demsar 2006)."""

from __future__ import annotations

from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from nnunet_cscn.report.colours import LABEL_COLOURS
from nnunet_cscn.report.measured import literal
from nnunet_cscn.stats.ranks import Ranking

_ROW = 0.28  # inches
_INK = "#27313d"


@matplotlib.style.context("default")  # nnU-Net changes the style of a process in which it has trained
def rank_figure(ranking: Ranking, *, title: str) -> Figure:
    """Draw a critical-difference diagram.

    The axis holds the mean ranks, the best on the left. Names stand below it, the better half on the left, the others
    on the right. Bars join methods whose mean ranks are closer than the critical difference, whose length is drawn
    above.

    Args:
        ranking: Mean ranks of two methods or more, over two cases or more.
        title: Text above the diagram.
    """
    names, ranks = list(ranking.mean_ranks), list(ranking.mean_ranks.values())
    n_left = (len(names) + 1) // 2
    n_bars = len(ranking.groups)
    width = 4.0 + 0.17 * max(map(len, names))  # names stand on both sides
    figure = Figure(figsize=(width, _ROW * (n_left + n_bars + 3.5)), layout="constrained")
    panel = figure.subplots()
    panel.set_axis_off()
    panel.set_title(literal(title), fontsize=10, loc="left")
    right = max(len(names), 1 + ranking.critical_difference)
    panel.set(xlim=(0.55, right + 0.45), ylim=(-n_left - n_bars - 0.6, 2.0))
    panel.plot((1, len(names)), (0, 0), color=_INK, linewidth=1.2)
    for tick in range(1, len(names) + 1):
        panel.plot((tick, tick), (0, 0.18), color=_INK, linewidth=1)
        panel.text(tick, 0.3, str(tick), ha="center", va="bottom", fontsize=8)
    panel.plot((1, 1 + ranking.critical_difference), (1.35, 1.35), color=_INK, linewidth=2)
    panel.text(1, 1.5, f"critical difference {ranking.critical_difference:.2f}", va="bottom", fontsize=8)
    for bar, group in enumerate(ranking.groups):
        inside = [ranking.mean_ranks[name] for name in group]
        places = (min(inside) - 0.04, max(inside) + 0.04)
        panel.plot(
            places, [-0.45 - 0.8 * bar] * 2, color=LABEL_COLOURS[0], linewidth=4, solid_capstyle="butt", zorder=3
        )
    for index, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        is_left = index < n_left
        place = index if is_left else len(names) - 1 - index
        _name(panel, name, rank, -n_bars - 0.4 - place, edge=0.85 if is_left else len(names) + 0.15, is_left=is_left)
    return figure


def _name(panel: Any, name: str, rank: float, y: float, *, edge: float, is_left: bool) -> None:
    """Lead a line from a place on the axis down and aside to a name."""
    panel.plot((rank, rank, edge), (0, y, y), color=_INK, linewidth=0.8)
    aside = {"xytext": (-3 if is_left else 3, 0), "textcoords": "offset points"}
    side = "right" if is_left else "left"
    text = f"{literal(name)} ({rank:.2f})"
    panel.annotate(text, (edge, y), **aside, ha=side, va="center", fontsize=9, annotation_clip=False)
