"""How fast symopt is, beside what a user would write instead: ``python -m benchmarks [--quick] [--only NAME]``.

``contest`` says what a work is, ``works`` has one module for each, ``runner`` runs them (every contestant in a process
of its own, in turns), ``table`` prints. ``costs`` measures the table of costs that the numexpr backend chooses by.
"""
