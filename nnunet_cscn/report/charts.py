"""The interactive charts of the HTML report (Plotly). A point shows the name and values of its case."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from nnunet_cscn.evaluation.folder import FolderScores
from nnunet_cscn.metrics.catalogue import Metric
from nnunet_cscn.report.chart_data import (
    SHARE_RANGE,
    LabelledPoints,
    Scatter,
    distribution,
    dsc_over_volume,
    volume_differences,
)
from nnunet_cscn.report.colours import REFERENCE_COLOUR
from nnunet_cscn.report.surfaces import Floats, Surface

SMALLEST_RANGE_MM = 3.0  # the colour scale covers at least this distance


def distribution_chart(scores: FolderScores, metric: Metric) -> go.Figure:
    """Return a box plot with points of one metric, for each label."""
    shown = distribution(scores, metric)
    figure = _figure(height=270, y_title=metric.heading)
    text = f"%{{text}}<br>{metric.heading} %{{y:.{metric.digits}f}}<extra></extra>"
    for group in shown.groups:
        box = group.box
        quartiles = {"q1": [box.q25], "median": [box.median], "q3": [box.q75]}
        fences = {"lowerfence": [box.low], "upperfence": [box.high]}
        line = {"color": group.dots.colour, "width": 1.5}
        fill = "rgba(0,0,0,0.04)"
        figure.add_trace(
            go.Box(x=[group.place], **quartiles, **fences, line=line, fillcolor=fill, width=0.5, hoverinfo="skip")
        )
        figure.add_trace(_dots(group.dots, text))
    names = [html.escape(name) for name in shown.names]
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.6, len(names) - 0.4])
    figure.update_yaxes(**({"range": list(shown.y_range)} if shown.y_range is not None else {"rangemode": "tozero"}))
    return figure.update_layout(showlegend=False)


def volume_dsc_chart(scores: FolderScores) -> go.Figure:
    """Return a scatter plot of the DSC of each case over its reference volume (logarithmic axis)."""
    figure = _scattered(dsc_over_volume(scores), "%{text}<br>%{x:.1f} ml, DSC %{y:.3f}<extra></extra>")
    figure.update_xaxes(type="log")
    return figure.update_yaxes(range=list(SHARE_RANGE))


def bland_altman_chart(scores: FolderScores, label: str) -> go.Figure:
    """Return a Bland-Altman plot of predicted and reference volumes, with bias and limits of agreement."""
    figure = _scattered(volume_differences(scores, label), "%{text}<br>%{y:+.2f} ml<extra></extra>")
    return figure.update_layout(showlegend=False)


def surface_chart(prediction: Surface | None, distances_mm: Floats | None, reference: Surface | None) -> go.Figure:
    """Return a 3D plot of both surfaces.

    The prediction is coloured by its distance to the reference. The reference is transparent.

    Args:
        prediction: The predicted surface. None for an empty mask.
        distances_mm: The signed distance of each corner of the prediction, positive outside the reference. None without
            a reference.
        reference: The reference surface. None for an empty mask.
    """
    figure = go.Figure()
    if reference is not None:
        figure.add_trace(_mesh(reference, "reference", color=REFERENCE_COLOUR, opacity=0.22, hoverinfo="skip"))
    if prediction is not None and distances_mm is not None:
        limit = max(SMALLEST_RANGE_MM, float(np.percentile(np.abs(distances_mm), 98)))
        figure.add_trace(
            _mesh(
                prediction,
                "prediction",
                intensity=np.round(distances_mm, 2),
                cmin=-limit,
                cmax=limit,
                colorscale=[[0, "#2166ac"], [0.5, "#f4f1ea"], [1, "#b2182b"]],
                colorbar={"title": {"text": "mm", "side": "top"}, "thickness": 10, "len": 0.75, "x": 1.0},
                hovertemplate="%{intensity:+.1f} mm<extra></extra>",
            )
        )
    elif prediction is not None:
        figure.add_trace(_mesh(prediction, "prediction", color="#b2182b", hoverinfo="skip"))
    surfaces = [surface.points_mm for surface in (prediction, reference) if surface is not None]
    if surfaces:
        figure.add_trace(_directions(np.concatenate(surfaces)))
    hidden = {"visible": False}
    camera = {"eye": {"x": -0.75, "y": -1.1, "z": 0.4}}  # from the front, slightly from the right and from above
    scene = {"aspectmode": "data", "xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "camera": camera}
    return figure.update_layout(
        template="none", height=420, margin={"l": 0, "r": 0, "t": 0, "b": 0}, scene=scene, showlegend=False
    )


def _mesh(surface: Surface, name: str, **style: object) -> go.Mesh3d:
    z, y, x = np.round(surface.points_mm, 2).T
    i, j, k = surface.triangles.T
    light = {"ambient": 0.55, "diffuse": 0.6, "specular": 0.15}
    return go.Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, name=name, lighting=light, flatshading=False, **style)


def _directions(points_mm: Floats) -> go.Scatter3d:
    """Return letters for the patient directions around the points: right, left, anterior, posterior, head, feet."""
    low, high = points_mm.min(axis=0), points_mm.max(axis=0)
    middle, reach = (low + high) / 2, 0.62 * (high - low) + 4.0
    letters = {"F": (-1, 0, 0), "H": (1, 0, 0), "A": (0, -1, 0), "P": (0, 1, 0), "R": (0, 0, -1), "L": (0, 0, 1)}
    z, y, x = (middle + reach * np.asarray(list(letters.values()))).T
    style = {"size": 13, "color": "#5b6673"}
    return go.Scatter3d(x=x, y=y, z=z, mode="text", text=list(letters), textfont=style, hoverinfo="skip")


def _scattered(shown: Scatter, hovertemplate: str) -> go.Figure:
    figure = _figure(height=340, x_title=shown.x_title, y_title=shown.y_title)
    for dots in shown.dots:
        figure.add_trace(_dots(dots, hovertemplate))
    for line in shown.lines:
        figure.add_hline(
            line.value,
            line={"color": "#5b6673", "width": 1.2, "dash": "dash" if line.is_dashed else "solid"},
            annotation={"text": line.text, "font": {"size": 11}},
        )
    return figure


def _dots(dots: LabelledPoints, hovertemplate: str) -> go.Scatter:
    return go.Scatter(
        x=dots.x,
        y=dots.y,
        mode="markers",
        name=html.escape(dots.name),
        marker={"color": dots.colour, "size": 8, "opacity": 0.8},
        customdata=dots.cases,
        text=_escaped(dots.cases),
        hovertemplate=hovertemplate,
    )


def _figure(*, height: int, x_title: str = "", y_title: str = "") -> go.Figure:
    axis: Mapping[str, object] = {"gridcolor": "#e6e9ee", "linecolor": "#9aa4b1", "zeroline": False, "automargin": True}
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "margin": {"l": 52, "r": 12, "t": 16, "b": 44},
            "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#27313d"},
            "xaxis": {**axis, "title": {"text": x_title}, "showgrid": bool(x_title)},
            "yaxis": {**axis, "title": {"text": y_title}},
            "legend": {"orientation": "h", "y": 1.12},
            "hoverlabel": {"bgcolor": "white"},
            "dragmode": False,
        }
    )


def _escaped(cases: Sequence[str]) -> list[str]:
    """Escape names, because Plotly interprets some HTML tags."""
    return [html.escape(case) for case in cases]
