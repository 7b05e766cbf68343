"""How fast symopt is on a GPU, beside torch and jax: ``python -m benchmarks.gpu [--quick] [--out FOLDER]``.

``works`` says what is measured and what must be reached, ``given`` has the numbers that all begin with and what must
come out, ``ours``, ``with_torch`` and ``with_jax`` are the contestants. Every contestant has a process of its own
(``worker``); the works go round among them, so that only one uses the GPU at a time. ``table`` prints.

The measured bandwidth of a large copy is the limit for what moves bytes; ``limits/curve.cu``, written by hand, is it
where arithmetic limits. No contestant uses TF32. Times are medians by CUDA events; jax has none, so its steps are timed
by the clock, many at once, until the last is ready.
"""
