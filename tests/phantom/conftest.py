import pytest

from nnunet_cscn.phantom.case import Case, make_case
from nnunet_cscn.phantom.settings import PhantomSettings


@pytest.fixture(scope="session")
def small() -> PhantomSettings:
    """Settings with a small field of view."""
    return PhantomSettings(cases=8, test_cases=3, in_plane=112, slices=(21, 24))


@pytest.fixture(scope="session")
def drawn(small) -> list[Case]:
    """Eight training cases and three test cases with these settings."""
    return [make_case(small, index) for index in range(small.total)]
