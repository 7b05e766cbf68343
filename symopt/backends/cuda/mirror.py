"""Parameters and states on a device: the newest value is here, or in the host's array."""

from __future__ import annotations

from typing import Any

from symopt.backends.cuda.device import Device
from symopt.graph.nodes import Array
from symopt.graph.storage import Storage


class Mirror:
    """The copy of one value on a device.

    ``newer``: it is newer than the host's array; ``stale``: it is older.
    """

    def __init__(self, host: Array, array: Any, device: Device, stale: bool) -> None:
        self.array = array
        self.newer = not stale
        self.stale = stale
        self.host = host
        self._device = device

    def bring(self) -> None:
        """Bring the value to the host, if it is newer here."""
        if self.newer:
            self.host[...] = self.array.get().reshape(self.host.shape)
            self.newer = False
            self._device.touches += 1

    def leave(self) -> None:
        """Bring the value; from now on the host's may be newer."""
        self.bring()
        if not self.stale:
            self.stale = True
            self._device.touches += 1

    def refresh(self, is_held: bool) -> None:
        """Take the host's value, if it may be newer; if somebody holds it, it may be at any time."""
        if self.stale or is_held:
            self._device.send(self.host.reshape(self.array.shape), self.array)
            self.stale = False

    @property
    def is_of(self) -> Device:
        """The device on which it is."""
        return self._device


def mirror_of(storage: Storage, device: Device) -> Mirror:
    """The copy of a value on this device; made where there is none."""
    known = storage.elsewhere
    if isinstance(known, Mirror) and known.is_of is device:
        return known
    host = storage.array
    made = storage.elsewhere = Mirror(host, device.xp.empty(host.shape, host.dtype), device, stale=True)
    return made


def put_on_device(storage: Storage, array: Any, device: Device) -> None:
    """Make an array of the device the one that a storage stands for, unless it is: nothing is copied until asked for.

    What lay on the device before is forgotten, and not brought to the host.
    """
    known = storage.elsewhere
    if isinstance(known, Mirror) and known.is_of is device:
        if not known.stale and known.array.data.ptr == array.data.ptr:
            return
        host = known.host
    else:
        host = storage.array
    storage.elsewhere = Mirror(host, array, device, stale=False)
    device.touches += 1
