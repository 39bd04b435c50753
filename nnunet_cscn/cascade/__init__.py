"""The staged cascade: stage two learns from stored out-of-fold probability maps of stage one."""
