"""The backends that can run here: what holds for one holds for all. (tests/backends says so where C cannot.)"""

import symopt as so

BACKENDS = tuple(name for name, record in so.backends().items() if record.available)
