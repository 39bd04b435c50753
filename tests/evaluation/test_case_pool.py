import threading
import time

import pytest

from nnunet_cscn.errors import UserError
from nnunet_cscn.evaluation.case_pool import process_cases


def test_results_come_in_the_order_of_the_cases_and_bad_ones_apart():
    later = threading.Event()

    def first():
        later.wait(5)
        return 1

    def second():
        later.set()
        raise UserError("torn")

    assert process_cases({"a": first, "b": second, "c": lambda: 3}, workers=2) == ({"a": 1, "c": 3}, {"b": "torn"})


def test_progress_counts_bad_cases_too():
    def bad():
        raise UserError("torn")

    seen = []
    process_cases({"a": bad, "b": lambda: 1}, workers=1, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_a_fault_of_ours_stops_everything_at_once():
    started = []

    def fault():
        raise RuntimeError("ours")

    def slow():
        started.append(1)
        time.sleep(0.02)  # all cases together take 20 s; the error must be raised earlier

    with pytest.raises(RuntimeError, match="ours"):
        process_cases({"a": fault, **{str(number): slow for number in range(1000)}}, workers=1)
    assert len(started) < 1000


def test_no_case_is_no_work():
    assert process_cases({}) == ({}, {})


def test_a_number_of_processes_below_one_is_refused():
    with pytest.raises(ValueError, match="workers"):
        process_cases({"a": lambda: 1}, workers=0)
