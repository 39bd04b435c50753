"""Write nnU-Net's predictions whole: under a temporary name, read again, then renamed."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnunet_cscn.files import read_json_file, replacing
from nnunet_cscn.nifti.voxels import ENDINGS, check_whole
from nnunet_cscn.nnunet.inference import export_prediction_from_logits


@contextlib.contextmanager
def whole_exports(caller: Any) -> Iterator[None]:
    """Let nnU-Net export its predictions with ``export_whole`` inside the block.

    nnU-Net has no option for this. Its worker processes receive the function by its name.

    Args:
        caller: The module of nnU-Net that calls ``export_prediction_from_logits``.
    """
    kept = caller.export_prediction_from_logits
    caller.export_prediction_from_logits = export_whole
    try:
        yield
    finally:
        caller.export_prediction_from_logits = kept


def export_whole(
    logits: Any,
    properties: dict[str, Any],
    configuration: Any,
    plans: Any,
    dataset_json: dict[str, Any] | str,
    target: str,
    save_probabilities: bool = False,
    **options: Any,
) -> None:
    """Export a prediction as nnU-Net's ``export_prediction_from_logits`` does. The mask appears last.

    Args:
        logits: The logits of nnU-Net's network, shape (L, Z, Y, X).
        properties: nnU-Net's properties of the image.
        configuration: nnU-Net's configuration manager.
        plans: nnU-Net's plans manager.
        dataset_json: The dataset.json.
        target: The file to write without its ending.
        save_probabilities: Whether to write the probabilities too.
        options: Further arguments of nnU-Net's function.

    Raises:
        OSError: When a file cannot be written completely, for example because the disk is full. It names the file.
    """
    description = read_json_file(Path(dataset_json)) if isinstance(dataset_json, str) else dataset_json
    ending = description["file_ending"]
    mask = Path(f"{target}{ending}")
    with replacing(mask) as temporary:
        start = str(temporary).removesuffix(ending)
        export_prediction_from_logits(
            logits, properties, configuration, plans, description, start, save_probabilities, **options
        )
        _check(temporary, mask, plans)
        for other in sorted(temporary.parent.iterdir()):
            if other != temporary:
                with replacing(mask.parent / other.name) as place:
                    other.replace(place)


def is_readable(mask: Path, reader: Any) -> bool:
    """Return whether a label map is complete.

    Args:
        mask: The file.
        reader: nnU-Net's, for files of other formats than NIfTI.
    """
    try:
        if mask.name.endswith(ENDINGS):
            check_whole(mask)
        else:
            reader.read_seg(str(mask))
    except Exception:  # every library behind nnU-Net's readers has kinds of its own
        return False
    return True


def _check(temporary: Path, mask: Path, plans: Any) -> None:
    """ITK reports no error if the disk is full."""
    if not is_readable(temporary, plans.image_reader_writer_class()):
        raise OSError(errno.EIO, "it could not be written whole; is the disk full?", str(mask))
