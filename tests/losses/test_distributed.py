import torch
import torch.multiprocessing

from .distributed_worker import gradient_of, network, work


def test_two_ranks_learn_what_the_joint_batch_would_teach(tmp_path):
    torch.multiprocessing.spawn(work, args=(str(tmp_path),), nprocs=2)
    weighted, plain = torch.load(tmp_path / "gradients.pt")
    for ours, is_weighted in ((weighted, True), (plain, False)):
        joint = gradient_of(network(), slice(None), weighted_mean=is_weighted)
        torch.testing.assert_close(ours, joint)
