"""Use the loss of the paper in a training loop of your own."""

import numpy as np
import torch

import nnunet_cscn as cscn

labels = np.zeros((1, 8, 16, 16), dtype=np.uint8)
labels[0, 2:6, 4:12, 4:12] = 1

# Distances are measured on the whole volume, in mm, once for each case.
distance = cscn.distance_to_border(labels[0], (3.0, 1.0, 1.0))

logits = torch.zeros((1, 2, 8, 16, 16), requires_grad=True)
loss = cscn.distance_weighted_focal_loss(
    logits, torch.from_numpy(labels[None].astype(np.int64)), torch.from_numpy(distance[None, None]), gamma=2.0
)
loss.backward()
print(float(loss.detach()))
