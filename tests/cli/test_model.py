def test_another_folder_is_refused_in_one_sentence(refused, tmp_path):
    assert "MODEL: expected a folder of a trained model" in " ".join(refused("model", "card", tmp_path).split())
