"""The model card: what a trained model is, in numbers and without names of cases."""
