"""Tests of the code as text and as a graph of modules."""
