"""The training protocol of the paper (section 4), for any network."""

from __future__ import annotations

import contextlib
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform

from nnunet_cscn.data.block_sampling import HeadRegion, PaperBlockSampler, ViewSampler
from nnunet_cscn.data.patient_axes import patient_axes
from nnunet_cscn.errors import UserError
from nnunet_cscn.files import replacing_folder
from nnunet_cscn.formats.whole_exports import export_whole
from nnunet_cscn.nnunet.inference import nnUNetPredictor
from nnunet_cscn.nnunet.wrapping import unwrapped
from nnunet_cscn.protocol.curves import TRAINING_FILE, VALIDATION_FILE, CurveFile
from nnunet_cscn.protocol.splits import FILE, TEST_FOLDER, PaperSplit, check_split, read_paper_splits, save_split
from nnunet_cscn.protocol.staircase import StaircaseSchedule
from nnunet_cscn.settings.protocol import ProtocolSettings
from nnunet_cscn.splits.sides import check_known_cases
from nnunet_cscn.training.accuracy import AccuracyMeter
from nnunet_cscn.training.base import CSCNBaseTrainer

INITIAL_LEARNING_RATE = 1e-3


class PaperProtocol(CSCNBaseTrainer):
    """Trains with the protocol of the paper and predicts the test cases.

    The paper's protocol: its blocks, its splits, Adam, and a learning rate that falls in steps. nnU-Net's gradient
    clipping and, on a GPU, its mixed precision are still used. With several GPUs the curves show only the blocks of the
    first one.

    The loss is set in the configuration, by ``cscn paper prepare``.
    """

    lr_scheduler: StaircaseSchedule

    def do_split(self) -> tuple[list[str], list[str]]:
        """Return the training and validation cases of the fold, from the paper's splits."""
        if self.fold == "all":
            both: tuple[list[str], list[str]] = super().do_split()
            return both
        split = self.paper_split()
        listed = [*split.train, *split.validation, *split.test]
        file = Path(self.preprocessed_dataset_folder_base) / FILE
        check_known_cases(file, f"split {self.fold}", listed, self.preprocessed_cases())
        return list(split.train), list(split.validation)

    def paper_split(self) -> PaperSplit:
        """Return the training, validation and test cases of this fold."""
        file = Path(self.preprocessed_dataset_folder_base) / FILE
        splits = read_paper_splits(file)
        if not self.fold < len(splits):
            raise UserError(f"{file} has no fold {self.fold}: expected a fold from 0 to {len(splits) - 1}")
        return splits[self.fold]

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, StaircaseSchedule]:
        """Return Adam and its learning rate schedule."""
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.initial_lr)
        schedule = StaircaseSchedule(
            optimizer,
            initial=self.initial_lr,
            every=self._protocol.decay_iterations,
            iterations_per_epoch=self.num_iterations_per_epoch,
        )
        return optimizer, schedule

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, bool, Any, tuple[int, ...]]:  # noqa: N802
        """Turn off nnU-Net's rotation and mirroring, in training and prediction. The paper does not use them."""
        self.inference_allowed_mirroring_axes = None
        return (0.0, 0.0), False, self.configuration_manager.patch_size, ()

    def get_training_transforms(
        self,
        _patch_size: Any,
        _rotation: Any,
        deep_supervision_scales: Any,
        _mirror_axes: Any,
        _dummy_2d: bool,
        use_mask_for_norm: Any = None,
        **labels: Any,
    ) -> BasicTransform:
        """Return nnU-Net's validation transforms. ``view_sampler`` already flips the blocks."""
        return self.get_validation_transforms(deep_supervision_scales, **labels)

    def view_sampler(self) -> ViewSampler:
        """Return the sampler of the paper's blocks."""
        self._check_patient_axes()
        plan, protocol = self.configuration_manager, self._protocol
        height_mm = protocol.head_height_mm
        head = HeadRegion(height_mm, protocol.head_jitter_mm) if height_mm is not None else None
        return PaperBlockSampler(plan.patch_size, plan.spacing, self.plans_manager.transpose_forward, head)

    def _check_patient_axes(self) -> None:
        """Check the orientation of the first case here; otherwise a data loader process would fail later."""
        cases = self.dataset_class(self.preprocessed_dataset_folder)
        properties = cases.load_case(cases.identifiers[0])[-1]
        patient_axes(properties, self.plans_manager.transpose_forward)

    def on_train_start(self) -> None:
        """Start as nnU-Net does, and open the curve files."""
        if self.fold != "all":
            self._claim_folder()
        super().on_train_start()
        done = self.current_epoch * self.num_iterations_per_epoch
        folder = Path(self.output_folder)
        self._training_curve = CurveFile(folder / TRAINING_FILE, first_iteration=done)
        self._validation_curve = CurveFile(folder / VALIDATION_FILE, first_iteration=done)
        self._rates: list[float] = []
        self._accuracy = AccuracyMeter(
            self.loss, are_regions=self.label_manager.has_regions, ignore_label=self.label_manager.ignore_label
        )

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Run nnU-Net's training step with the learning rate of this iteration."""
        self._rates.append(self.lr_scheduler.rate)
        step = super().train_step(batch)
        self.lr_scheduler.advance()
        return step

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """Log as nnU-Net does, and write the training curve."""
        super().on_train_epoch_end(train_outputs)
        losses = [float(step["loss"]) for step in train_outputs]
        first = self.current_epoch * self.num_iterations_per_epoch
        numbers = range(first, first + len(losses))
        rows = list(zip(numbers, self._accuracy.pop_accuracies(), losses, self._rates, strict=True))
        self._last_rate, self._rates = self._rates[-1], []
        if self.local_rank == 0:
            self._training_curve.append(rows)

    def on_validation_epoch_end(self, val_outputs: list[dict[str, Any]]) -> None:
        """Log as nnU-Net does, and write the mean over the validation blocks to the validation curve."""
        super().on_validation_epoch_end(val_outputs)
        accuracies = self._accuracy.pop_accuracies()
        loss = float(np.mean([step["loss"] for step in val_outputs]))
        last = (self.current_epoch + 1) * self.num_iterations_per_epoch - 1
        if self.local_rank == 0:
            accuracy = float(np.nanmean(accuracies)) if np.isfinite(accuracies).any() else math.nan
            self._validation_curve.append([(last, accuracy, loss, self._last_rate)])

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Predict the validation cases as nnU-Net does, and then the test cases with the final weights.

        With other weights, as with ``--val_best``, the test cases are not predicted.
        """
        super().perform_actual_validation(save_probabilities)
        if self.fold != "all" and self.current_epoch == self.num_epochs:
            with self.with_tiles(), self._explaining_out_of_memory():
                self._predict_test()

    def _claim_folder(self) -> None:
        """Start with a clean folder, or check that a resumed training has the same split."""
        folder = Path(self.output_folder)
        if self.current_epoch > 0:
            check_split(folder, self.paper_split())
        elif self.local_rank == 0:
            shutil.rmtree(self.test_folder, ignore_errors=True)  # predictions of an earlier training
            save_split(folder, self.paper_split())

    @property
    def test_folder(self) -> Path:
        """Folder of the predicted test cases. It contains all of them or does not exist."""
        return Path(self.output_folder) / TEST_FOLDER

    def _predict_test(self) -> None:
        check_split(
            Path(self.output_folder), self.paper_split()
        )  # again, because on_train_start does not run with --val
        cases = self.dataset_class(self.preprocessed_dataset_folder, list(self.paper_split().test))
        self.set_deep_supervision_enabled(False)
        network = unwrapped(self.network).eval()
        predictor = nnUNetPredictor(device=self.device, allow_tqdm=False)
        predictor.manual_initialization(
            network, self.plans_manager, self.configuration_manager, None, self.dataset_json, type(self).__name__, None
        )
        with replacing_folder(self.test_folder) if self.local_rank == 0 else contextlib.nullcontext() as folder:
            for case in cases.identifiers:
                if folder is not None:
                    self.print_to_log_file(f"predicting test case {case}")
                    self._predict_case(predictor, cases, case, folder)
                if self.is_ddp:
                    torch.distributed.barrier()  # per case, so that others do not wait too long
        self.set_deep_supervision_enabled(True)

    def _predict_case(self, predictor: Any, cases: Any, case: str, folder: Path) -> None:
        image, _, _, properties = cases.load_case(case)
        logits = predictor.predict_sliding_window_return_logits(torch.from_numpy(np.asarray(image[:]))).cpu()
        plan = self.configuration_manager
        export_whole(logits, properties, plan, self.plans_manager, self.dataset_json, str(folder / case), False)

    def _memory_advice(self) -> str:
        plan, tile_size = self.configuration_manager, self.settings.tile_size
        tiles = "" if tile_size is None else f", tiles {list(tile_size)}"
        return (
            f"the GPU is too small for {type(self).__name__} with configuration {self.configuration_name} (blocks "
            f"{list(plan.patch_size)}, batch {self.batch_size}{tiles}): make a "
            f"smaller one with `cscn paper prepare {self.plans_manager.dataset_name} -c NAME --batch-size "
            f"{max(2, self.batch_size // 2)} --features 16`"
        )

    @property
    def _protocol(self) -> ProtocolSettings:
        assert self.settings.protocol is not None  # checked in _apply_training_length
        return self.settings.protocol

    def _apply_training_length(self) -> None:
        if self.settings.protocol is None:
            raise UserError(
                f"{type(self).__name__} needs a configuration made by `cscn paper prepare`, and "
                f"{self.configuration_name} of {self.plans_manager.plans_name} is not one: run "
                f"`cscn paper prepare {self.plans_manager.dataset_name}` first"
            )
        if self.settings.stop.is_set:
            raise UserError(
                f"{self.configuration_name} has a stop option, but the paper's protocol has a fixed number of "
                "iterations: remove the block stop from its cscn block"
            )
        if self.settings.loss.normalised:
            raise UserError(
                f"{self.configuration_name} has normalised distance weights, but the paper's loss (Eq. 7) has "
                f"none: prepare it again with `cscn paper prepare {self.plans_manager.dataset_name}`, or set "
                "loss.normalised=false in its cscn block"
            )
        super()._apply_training_length()
        self.initial_lr = self.settings.initial_learning_rate or INITIAL_LEARNING_RATE
        self.save_every = 1  # epochs are long on a CPU, and these networks are small
