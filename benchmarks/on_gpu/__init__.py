"""The parts of benchmarks/gpu.py that run in processes of their own."""
