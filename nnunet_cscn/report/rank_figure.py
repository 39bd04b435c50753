"""Critical-difference diagram: mean ranks of methods, with bars that join methods without significant difference."""

from __future__ import annotations

from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from nnunet_cscn.report.chart_values import escape_dollars
from nnunet_cscn.report.colours import LABEL_COLOURS
from nnunet_cscn.stats.ranks import Ranking

_ROW = 0.28  # inches
_INK = "#27313d"


@matplotlib.style.context("default")  # nnU-Net changes the style of a process in which it has trained
def rank_figure(ranking: Ranking, *, title: str) -> Figure:
    """Draw a critical-difference diagram.

    The axis shows the mean ranks, with the best on the left (Demsar 2006). The names of the better half are on the
    left, the others on the right. Bars join methods whose mean ranks differ by less than the critical difference. The
    bar above the axis shows the length of the critical difference.

    Args:
        ranking: Mean ranks of two methods or more, over two cases or more.
        title: Text above the diagram.
    """
    names, ranks = list(ranking.mean_ranks), list(ranking.mean_ranks.values())
    n_left = (len(names) + 1) // 2
    n_bars = len(ranking.groups)
    width = 4.0 + 0.17 * max(map(len, names))  # names are on both sides
    figure = Figure(figsize=(width, _ROW * (n_left + n_bars + 3.5)), layout="constrained")
    panel = figure.subplots()
    panel.set_axis_off()
    panel.set_title(escape_dollars(title), fontsize=10, loc="left")
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
    """Draw a line from a position on the axis to a name at the side."""
    panel.plot((rank, rank, edge), (0, y, y), color=_INK, linewidth=0.8)
    aside = {"xytext": (-3 if is_left else 3, 0), "textcoords": "offset points"}
    side = "right" if is_left else "left"
    text = f"{escape_dollars(name)} ({rank:.2f})"
    panel.annotate(text, (edge, y), **aside, ha=side, va="center", fontsize=9, annotation_clip=False)
