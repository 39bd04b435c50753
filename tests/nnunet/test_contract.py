"""nnunetv2 has what the package relies on. A new release that lacks some of it is seen here, as a sentence."""

from importlib.metadata import version

from nnunet.contract import FILE, contract


def test_nnunetv2_has_every_signature_and_attribute_that_the_package_relies_on():
    """After a change that is meant: python tests/nnunet/contract.py."""
    written, found = FILE.read_text(encoding="utf-8").splitlines(), contract()
    gone = [f"the package relied on `{line}`, and does not or cannot any more" for line in written if line not in found]
    new = [f"the package relies on `{line}`, which is not written down" for line in found if line not in written]
    assert not gone + new, "\n".join([f"with nnunetv2 {version('nnunetv2')}:", *gone, *new])


def test_nothing_that_the_package_relies_on_is_missing():
    assert [line for line in contract() if "missing" in line] == []
