"""Check nnU-Net's three folders."""

from __future__ import annotations

import os
import shutil

from nnunet_cscn.diagnosis.finding import Finding, fault, ok
from nnunet_cscn.errors import UserError
from nnunet_cscn.nnunet.folders import FOLDER_VARIABLES, FolderVariable, folder_from_environment


def check_folders() -> list[Finding]:
    """Check that nnU-Net's three folders are set, exist and are writable."""
    return [check_folder(variable) for variable in FOLDER_VARIABLES]


def check_folder(variable: FolderVariable) -> Finding:
    """Check one of nnU-Net's folders."""
    try:
        folder = folder_from_environment(variable)
    except UserError as mistake:
        detail, _, remedy = str(mistake).partition(": ")
        return fault(variable, detail, f"{remedy[0].upper()}{remedy[1:]}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        return fault(variable, f"{folder} is not writable", f"Run `chmod u+rwx {folder}` or choose another folder.")
    return ok(variable, f"{folder} ({shutil.disk_usage(folder).free / 1e9:.0f} GB free)")
