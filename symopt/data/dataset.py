"""The class `Dataset`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from operator import index
from typing import Any, SupportsIndex, TypeGuard

import numpy as np
from numpy.typing import NDArray

from symopt.data.adapters import adapt
from symopt.data.batch import Batch
from symopt.data.calls import Calls
from symopt.data.entries import check_lengths, labels, unpack
from symopt.data.passes import Passes
from symopt.data.sources import DeviceSource, MemorySource, Source
from symopt.errors import DataError
from symopt.graph.devices import lives_on_device


class Dataset:
    """Rows of one or several inputs, cut into mini-batches.

    In training, every epoch has its batches from a new order of the rows, which is a function of the seed and
    the epoch alone; evaluation goes through the stored order once. The last batch of a pass is short if the
    batch size does not divide the number of rows. Where all rows are in one batch they keep the stored order.

    NumPy arrays in memory are neither copied nor changed (unless they are not C-contiguous), so a batch shows
    what is in them when it is read; frames and lists become arrays once, here. Memory maps, HDF5 and Zarr
    arrays and sparse matrices are read, and made dense, batch by batch. Arrays that live on a GPU stay there,
    with their batches: they are for the backend ``cuda``.

    Parameters
    ----------
    inputs : NumPy array, CuPy array or torch CUDA tensor, pandas or polars frame or series, SciPy sparse
        matrix, memory map, HDF5 or Zarr array, or what NumPy makes an array of numbers from; or a list, tuple or
        dict of these, for several inputs. A list is always several inputs: for one input given as nested lists,
        write ``np.array(rows)``. Or a callable without arguments that returns one batch (an array, or a list, tuple
        or dict of arrays) each time; it needs ``iteration_size``.
    name : what messages call the data set, as in ``"train"``.
    batch_size : rows in a batch; 0 is everything in one batch. Not used with a callable.
    iteration_size : batches in an epoch; None is one pass over the rows. A shorter epoch goes on where the
        one before it stopped, a longer one goes on into the next pass: epoch ``e`` is the batches ``e *
        iteration_size`` and on of one endless sequence of shuffled passes. Evaluation is one pass in any
        case; with a callable, ``iteration_size`` batches.
    axis : the axis of the rows, in every input; negative counts from the end.
    rng : seed of the shuffling, an int that is not negative (None is 0); or a NumPy Generator, from which one
        seed is drawn at once.

    Raises
    ------
    DataError : something is no array of numbers, lengths differ, or an argument is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset({"x": np.arange(10.0).reshape(5, 2), "y": np.arange(5)}, batch_size=2, rng=1)
    >>> data
    Dataset(2 inputs 'x', 'y', length=5, batch_size=2, iteration_size=3, seed=1)
    >>> [batch.size for batch in data.batches(epoch=0)]
    [2, 2, 1]
    >>> x, y = next(data.batches(epoch=None)).arrays
    >>> x.tolist(), y.tolist()
    ([[0.0, 1.0], [2.0, 3.0]], [0, 1])
    """

    def __init__(
        self,
        inputs: object,
        name: str | None = None,
        batch_size: int = 32,
        iteration_size: int | None = None,
        axis: int = 0,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        label = self._label = "dataset" if name is None else f"dataset {name!r}"
        self.name = name
        self.axis = _integer(axis, "axis", label)
        self.seed = _seed(rng, label)
        self._names: tuple[Hashable, ...] | None = None
        self._sources: tuple[Source, ...] = ()
        self._passes: Passes | None = None
        self._calls: Calls | None = None
        size = _integer(batch_size, "batch_size", label, least=0)
        epoch_size = None if iteration_size is None else _integer(iteration_size, "iteration_size", label, least=1)
        if callable(inputs) and not hasattr(inputs, "__array__"):
            if epoch_size is None:
                raise DataError(
                    f"{label} is a callable, which does not tell how many batches make an epoch; "
                    "give iteration_size=, as in Dataset(callable, iteration_size=100)"
                )
            self._calls = Calls(inputs, epoch_size, self.axis, label)
            return
        self._sources, self._names = _adapted(inputs, self.axis, label)
        length = self._sources[0].length
        self._passes = Passes(length, min(size, length) or length, epoch_size, self.seed)

    @classmethod
    def of(cls, source: object, **defaults: Any) -> Dataset:
        """Return the source itself if it is a Dataset, else a Dataset of it.

        Parameters
        ----------
        source : a Dataset, or anything that a Dataset takes as inputs.
        defaults : arguments of `Dataset`, for a source that is none yet.

        Examples
        --------
        >>> data = Dataset.of([[1.0, 2.0], [3, 4]], batch_size=0)
        >>> Dataset.of(data, batch_size=7) is data
        True
        """
        return source if isinstance(source, Dataset) else cls(source, **defaults)

    @property
    def names(self) -> tuple[Hashable, ...] | None:
        """The keys if the inputs are a dict, in its order; else None.

        For a callable it is None; if that returns dicts, `Batch.names` has the keys.
        """
        return self._names

    @property
    def length(self) -> int | None:
        """The number of rows; None for a callable."""
        return None if self._passes is None else self._passes.length

    @property
    def batch_size(self) -> int | None:
        """The number of rows in each batch but the last of a pass, at most `length`; None for a callable."""
        return None if self._passes is None else self._passes.batch_size

    @property
    def iteration_size(self) -> int:
        """The number of batches in an epoch."""
        if self._calls is not None:
            return self._calls.iteration_size
        return self._rows().iteration_size

    @property
    def is_on_device(self) -> bool:
        """Whether some input lives on a device. What a callable will return is not known."""
        return any(isinstance(source, DeviceSource) for source in self._sources)

    @property
    def in_memory(self) -> tuple[Any, ...] | None:
        """The inputs as arrays with rows along axis 0; None if any input is read batch by batch.

        They may be the user's own arrays, and read-only. Those of the host are C-contiguous.
        """
        arrays = tuple(source.array for source in self._sources if _is_in_memory(source))
        return arrays if arrays and len(arrays) == len(self._sources) else None

    def batches(self, epoch: int | None) -> Iterator[Batch]:
        """Yield the batches of an epoch.

        Parameters
        ----------
        epoch : which epoch, counted from 0; None is evaluation: one pass in the stored order, whatever
            `iteration_size` is. A callable is called `iteration_size` times in either case.

        Raises
        ------
        DataError : the epoch is negative, or a callable returned what is no batch.
        """
        if self._calls is not None:
            yield from self._calls.batches()
            return
        sources, names = self._sources, self._names
        for rows in self._rows().selections(epoch):
            size = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
            yield Batch(tuple([source.read(rows) for source in sources]), size, names)

    def order(self, epoch: int | None) -> NDArray[np.int64] | None:
        """Return the rows of an epoch as `batches` has them; `bounds` tells where each batch begins.

        Returns
        -------
        int64 indices ``(rows of the epoch,)``; None where the epoch is one pass in the stored order: in
        evaluation, and where all rows are in one batch.

        Raises
        ------
        DataError : the inputs are a callable, or the epoch is negative.
        """
        return self._rows().order(epoch)

    def bounds(self, epoch: int | None) -> NDArray[np.int64]:
        """Return where batches begin in the order of an epoch: batch ``i`` is ``bounds[i]:bounds[i + 1]``.

        Returns
        -------
        int64 array ``(batches + 1,)``. If `iteration_size` was not given, its steps are `batch_size` with one
        shorter step at the end; else a shorter step ends each pass, which may be anywhere in the epoch.

        Raises
        ------
        DataError : the inputs are a callable, or the epoch is negative.
        """
        return self._rows().bounds(epoch)

    def _rows(self) -> Passes:
        if self._passes is None:
            raise DataError(f"{self._label} is a callable, whose rows have no order; read its batches")
        return self._passes

    def __repr__(self) -> str:
        """Return a description, not source code: data may be large."""
        named = "" if self.name is None else f"{self.name!r}, "
        if self._calls is not None:
            return f"Dataset({named}a callable, iteration_size={self.iteration_size})"
        count = len(self._sources)
        names = "" if self._names is None else " " + ", ".join(repr(str(name)) for name in self._names)
        return (
            f"Dataset({named}{count} input{'s' * (count != 1)}{names}, length={self.length}, "
            f"batch_size={self.batch_size}, iteration_size={self.iteration_size}, seed={self.seed})"
        )


def lies_on_device(source: object) -> bool:
    """Say whether a Dataset of the source would have an input that lives on a device."""
    return source.is_on_device if isinstance(source, Dataset) else any(map(lives_on_device, unpack(source)[0]))


def _is_in_memory(source: Source) -> TypeGuard[MemorySource | DeviceSource]:
    return isinstance(source, MemorySource) or (isinstance(source, DeviceSource) and source.axis == 0)


def _adapted(inputs: object, axis: int, label: str) -> tuple[tuple[Source, ...], tuple[Hashable, ...] | None]:
    values, names = unpack(inputs)
    if not values:
        raise DataError(f"{label} got an empty {type(inputs).__name__}; give at least one input")
    entries = labels(len(values), names)
    sources = tuple(adapt(value, axis, f"{label}, {entry}") for value, entry in zip(values, entries, strict=True))
    check_lengths([source.length for source in sources], names, axis, f"{label}: the inputs")
    return sources, names


def _integer(value: SupportsIndex, argument: str, label: str, least: int | None = None) -> int:
    expected = "an int" if least is None else f"an int of at least {least}"
    hint = "; 0 is everything in one batch" if argument == "batch_size" else ""
    # True is an int for Python, and a slip here.
    if isinstance(value, (bool, np.bool)) or not hasattr(value, "__index__"):
        raise DataError(f"{label}: {argument} is {value!r}, but {expected} is expected{hint}")
    number = index(value)
    if least is not None and number < least:
        raise DataError(f"{label}: {argument} is {number}, but {expected} is expected{hint}")
    return number


def _seed(rng: object, label: str) -> int:
    if rng is None:
        return 0
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    if isinstance(rng, (bool, np.bool)) or not isinstance(rng, (int, np.integer)) or rng < 0:
        raise DataError(
            f"{label}: rng is {rng!r}, but an int that is not negative or a NumPy Generator is expected, "
            "as in rng=0 or rng=np.random.default_rng()"
        )
    return int(rng)
