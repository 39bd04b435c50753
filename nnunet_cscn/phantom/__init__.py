"""Synthetic MR of nasopharyngeal carcinoma: a drawn phantom, or contrast made from label maps of real heads."""
