"""Write maps and scores of the disagreement of the two stages, next to predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nnunet_cscn.errors import ArgumentError, UserError
from nnunet_cscn.files import read_json_file, write_json
from nnunet_cscn.numbers import is_number
from nnunet_cscn.prediction.disagreement import disagreement_map, disagreement_score
from nnunet_cscn.prediction.map_files import check_reader, map_ending, spacing_entry, write_map
from nnunet_cscn.prediction.native_grid import to_native_grid
from nnunet_cscn.prediction.predictor import Model, mode_of
from nnunet_cscn.prediction.stages import StagesPredictor

FOLDER = (
    "uncertainty"  # a subfolder, because some nnU-Net commands treat every image next to predictions as a prediction
)
SUMMARY = "uncertainty.json"

OnProgress = Callable[[int, int], None]


class UncertaintyWriter:
    """Writes disagreement maps and scores for a folder of predictions.

    Args:
        predictor: nnU-Net's predictor with the loaded model.
        model: A model with two stages.
        out: The folder of the predictions.

    Raises:
        UserError: When the model has only one stage or needs the segmentations of another model, or when maps cannot be
            written for its image format.
    """

    def __init__(self, predictor: Any, model: Model, out: Path) -> None:
        check_reader(predictor.plans_manager)
        if previous := predictor.configuration_manager.previous_stage_name:
            raise ArgumentError(
                "uncertainty",
                f"{model.folder.name} needs the segmentations of {previous} (nnU-Net's cascade) and is not supported",
            )
        self._predictor = predictor
        self._model = {**model.to_json(), "manner": mode_of(predictor)}
        self._stages = StagesPredictor(predictor)
        self._out = out

    def write(
        self, images: Mapping[str, Sequence[Path]], *, overwrite: bool = True, on_progress: OnProgress | None = None
    ) -> None:
        """Predict both stages of every case and write their disagreement.

        The method writes a map (``uncertainty/CASE`` with the file ending of the data set) and a score
        (``uncertainty/CASE.json``) for each case, and all scores of this model in ``uncertainty.json``.

        Args:
            images: The files of every case, one for each channel.
            overwrite: Whether to compute cases again that already have both files of this model.
            on_progress: Called with the number of finished cases and of all cases.
        """
        wanted = [case for case in images if overwrite or not self._is_written(case)]
        with ThreadPoolExecutor(max_workers=1) as reader:  # read the next case during the prediction
            coming = reader.submit(self._preprocessed, images[wanted[0]]) if wanted else None
            for done, case in enumerate(wanted, start=1):
                assert coming is not None
                image, properties = coming.result()
                coming = reader.submit(self._preprocessed, images[wanted[done]]) if done < len(wanted) else None
                self._write_case(case, image, properties)
                if on_progress is not None:
                    on_progress(done, len(wanted))
        self._write_summary()

    def _preprocessed(self, files: Sequence[Path]) -> tuple[Any, dict[str, Any]]:
        configuration = self._predictor.configuration_manager
        preprocessor = configuration.preprocessor_class(verbose=False)
        image, _, properties = preprocessor.run_case(
            [str(file) for file in files],
            None,
            self._predictor.plans_manager,
            configuration,
            self._predictor.dataset_json,
        )
        return image, properties

    def _write_case(self, case: str, image: Any, properties: dict[str, Any]) -> None:
        coarse, fine = self._stages.probabilities(image)
        are_regions = self._predictor.label_manager.has_regions
        difference = disagreement_map(coarse, fine, are_regions=are_regions)
        native = to_native_grid(
            difference, properties, self._predictor.plans_manager, self._predictor.configuration_manager
        )
        self._score_file(case).unlink(missing_ok=True)  # never keep an old score with a new map
        write_map(self._map_file(case), native, properties)
        score = disagreement_score(coarse, fine, are_regions=are_regions)
        spacing = spacing_entry(self._predictor.plans_manager, properties)
        write_json(self._score_file(case), {"disagreement": score, **self._model, **spacing})

    def _write_summary(self) -> None:
        """Collect the scores of all cases of this model, including those of other processes and earlier runs."""
        written = None
        while written != (scores := self._scores()):  # another process may have written in the meantime
            write_json(self._out / SUMMARY, {**self._model, "disagreement": scores})
            written = scores

    def _scores(self) -> dict[str, float]:
        files = (file for file in sorted(self._folder.glob("*.json")) if not file.name.startswith("."))
        return {file.stem: score for file in files if (score := self._score(file)) is not None}

    def _score(self, file: Path) -> float | None:
        """Return the score in the file of a case. None if it belongs to another model or is being replaced."""
        try:
            content = read_json_file(file)
        except UserError:
            return None
        if not isinstance(content, dict) or any(content.get(key) != value for key, value in self._model.items()):
            return None
        score = content.get("disagreement")
        return float(score) if is_number(score) else None

    @property
    def _folder(self) -> Path:
        return self._out / FOLDER

    def _map_file(self, case: str) -> Path:
        ending = map_ending(self._predictor.plans_manager, self._predictor.dataset_json["file_ending"])
        return self._folder / f"{case}{ending}"

    def _score_file(self, case: str) -> Path:
        return self._folder / f"{case}.json"

    def _is_written(self, case: str) -> bool:
        return self._map_file(case).is_file() and self._score(self._score_file(case)) is not None


def read_scores(out: Path) -> dict[str, float]:
    """Return the score of every case, the largest disagreement first.

    Raises:
        UserError: When ``uncertainty.json`` is missing or not valid.
    """
    file = out / SUMMARY
    content = read_json_file(file)
    scores = content.get("disagreement") if isinstance(content, dict) else None
    if not isinstance(scores, dict) or not all(is_number(score) for score in scores.values()):
        raise UserError(f"{file} contains no disagreement of the stages: predict again with uncertainty=True")
    return dict(sorted(scores.items(), key=lambda item: -item[1]))
