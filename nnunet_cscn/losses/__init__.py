"""Distance-weighted focal loss and what it is combined with."""
