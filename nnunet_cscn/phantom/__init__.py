"""Synthetic MR images of nasopharyngeal carcinoma, from simple shapes or from label maps of real heads."""
