"""The trainers. Checkpoints and folder names contain their class names, so these never change."""
