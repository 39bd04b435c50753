"""A seeded share of the damaged files; ``PYTHONPATH=tests python -m fuzz`` runs as many as wanted."""

import pytest

from fuzz.catalogue import READERS
from fuzz.reader import Campaign

N_INPUTS = 8  # of each reader, about 300 together
SEED = 0


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused_with_a_sentence(name, tmp_path):
    reader = READERS[name]
    campaign = Campaign(reader, tmp_path / "seed")
    findings = []
    for number in range(max(1, round(N_INPUTS * reader.share))):
        judged = campaign.run(SEED, number)
        if judged.outcome == "finding":
            findings.append(f"input {number} of seed {SEED}: {judged.how}\n{judged.detail}")
    assert not findings, "\n".join(findings)
