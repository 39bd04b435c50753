import re

from nnunet_cscn import __version__
from nnunet_cscn.report.provenance import Provenance


def test_the_command_can_be_run_again_and_versions_are_named():
    made = Provenance.from_process(["/somewhere/bin/cscn", "report", "my predictions", "gt"])
    assert made.command == "cscn report 'my predictions' gt"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", made.made_on)
    assert made.versions["nnunet-cscn"] == __version__
    assert {"Python", "numpy", "plotly"} <= made.versions.keys()
