"""The losses: distance-weighted focal loss, soft Dice, deep supervision, and their combinations for the cascades."""
