import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.paper.methods import PUBLISHED, PUBLISHED_OBSERVERS, TRAINERS, PublishedResult, chosen_methods
from nnunet_cscn.training import catalogue


def test_all_methods_of_table_1_and_the_coarse_network_are_there():
    assert list(TRAINERS) == ["CSCN", "BUNet", "ACDNet", "CNN", "DeepLab", "V-Net"]


def test_their_trainers_are_released():
    assert set(TRAINERS.values()) <= set(catalogue.TRAINERS)


def test_the_papers_figures_are_those_printed():
    assert PUBLISHED["CSCN"] == PublishedResult(dsc=0.741, assd_mm=1.212, f1=0.756)
    assert PUBLISHED["CNN"] == PublishedResult(dsc=0.707, assd_mm=1.514, f1=0.728)
    assert PUBLISHED["ACDNet"] == PublishedResult(dsc=0.712, assd_mm=1.493, f1=0.741)
    assert PUBLISHED["DeepLab"] == PublishedResult(dsc=0.714, assd_mm=1.399, f1=0.722)
    assert PublishedResult(dsc=0.642, assd_mm=2.692, f1=0.686) == PUBLISHED_OBSERVERS
    assert "V-Net" not in PUBLISHED  # "always failed to converge"


@pytest.mark.parametrize(("text", "methods"), [(None, list(TRAINERS)), ("V-Net,cscn", ["CSCN", "V-Net"])])
def test_methods_are_chosen_by_name_in_the_tables_order(text, methods):
    assert chosen_methods(text) == methods


@pytest.mark.parametrize("text", ["UNet", "", "CSCN,,VNet"])
def test_other_names_are_refused(text):
    with pytest.raises(UserError, match="available: CSCN, "):
        chosen_methods(text)
