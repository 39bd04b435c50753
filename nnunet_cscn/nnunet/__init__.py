"""Access to nnU-Net: its classes, folders, plans and checkpoints. Only this package imports nnunetv2."""
