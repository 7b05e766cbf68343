"""Programs that use symopt on real data. Run one as ``python examples/digits.py``."""
