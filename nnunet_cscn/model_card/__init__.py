"""The model card: a description of a trained model in numbers, without names of cases."""
