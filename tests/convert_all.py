"""Convert cases without what stands beside them in a data set."""

from functools import partial

from nnunet_cscn.conversion.converted_case import convert_case
from nnunet_cscn.evaluation.case_pool import process_cases


def convert_all(cases, folder, labels, *, overwrite=False):
    """The cases that are there, and why the others are not."""
    return process_cases(
        {case.name: partial(convert_case, case, folder, labels, overwrite=overwrite) for case in cases}
    )
