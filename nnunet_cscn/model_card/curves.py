"""The training curves of all folds in one picture."""

from __future__ import annotations

import io

import matplotlib.style
from matplotlib.figure import Figure

from nnunet_cscn.model_card.facts import ModelFacts
from nnunet_cscn.report.colours import label_colours

_PANELS = (
    ("loss", (("train_losses", "-"), ("val_losses", ":"))),
    ("Dice of patches, smoothed", (("ema_fg_dice", "-"),)),
    ("learning rate", (("lrs", "-"),)),
)


@matplotlib.style.context("default")
def curves_png(facts: ModelFacts) -> bytes:
    """Draw loss, nnU-Net's moving Dice of validation patches, and learning rate of each fold.

    Args:
        facts: The facts from the folder of the model.

    Returns:
        A PNG.
    """
    colours = label_colours([fold.fold for fold in facts.folds])
    figure = Figure(figsize=(10, 2.9), layout="constrained")
    for panel, (heading, lines) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        for fold in facts.folds:
            for key, style in lines:
                values = fold.curves.get(key, [])
                marker = "." if len(values) == 1 else None
                label = f"fold {fold.fold}" if key == lines[0][0] else None
                panel.plot(values, style, color=colours[fold.fold], linewidth=1, marker=marker, label=label)
        panel.set_xlabel("epoch", fontsize=9)
        panel.set_title(heading, fontsize=10, loc="left")
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(fontsize=8, frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()
