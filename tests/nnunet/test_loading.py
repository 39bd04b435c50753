from nnunet_cscn.nnunet.loading import load_trained


class TalkativePredictor:
    def __init__(self):
        self.loaded = None

    def initialize_from_trained_model_folder(self, folder, folds, checkpoint):
        print("Trainer 'CSCNTrainer' not found in nnunetv2.training.nnUNetTrainer.")
        self.loaded = (folder, folds, checkpoint)


def test_what_nnunet_prints_while_it_searches_for_a_trainer_is_not_shown(tmp_path, capsys):
    predictor = TalkativePredictor()
    load_trained(predictor, tmp_path, [0, 1], "checkpoint_final.pth", trust=True)
    assert predictor.loaded == (str(tmp_path), (0, 1), "checkpoint_final.pth")
    assert not capsys.readouterr().out
