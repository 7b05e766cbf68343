"""The tests of symopt. Helpers are imported as ``tests.<module>``."""
