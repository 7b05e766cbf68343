"""How fast symopt is, beside what a user would write instead: ``python -m benchmarks [--quick] [--only NAME]``.

``contest`` says what a work is, ``works`` has a module for each, ``limits`` the C written by hand, ``peers`` what users
would write in other libraries, ``data`` what all begin with. ``runner`` runs works, every contestant in a process of
its own (``worker``), in turns; ``table`` prints, ``picture`` draws. docs/benchmarks.md tells more.

``costs`` measures the table of costs that the numexpr backend chooses by.
"""
