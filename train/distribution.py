"""Training spread over all devices of one machine, or of several processes (docs/distributed.md).

Data parallel, by Keras's distribution API on JAX: every device holds the whole network and takes an equal
share of each batch. All processes draw the same batch and hand in their own rows of it, in order, so that
together they train what one device would have.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

import keras
import numpy as np

from train.run import RunError

_PROCESSES, _NUMBER = "KERAS_DISTRIBUTION_NUM_PROCESSES", "KERAS_DISTRIBUTION_PROCESS_ID"
_VARIABLES = ("KERAS_DISTRIBUTION_JOB_ADDRESSES", _PROCESSES, _NUMBER)


@dataclass(frozen=True)
class Share:
    """What one of several processes does; `devices` are those of all processes together."""

    number: int = 0
    processes: int = 1
    devices: int = 1

    @property
    def local_devices(self) -> int:
        return self.devices // self.processes

    def of(self, rows: np.ndarray) -> np.ndarray:
        """This process's rows of ``[n, ...]``, which its first rows fill up to a multiple of the devices."""
        if self.devices == 1:
            return rows
        filled = np.take(rows, range(-(-len(rows) // self.devices) * self.devices), axis=0, mode="wrap")
        return np.split(filled, self.processes)[self.number]


@cache
def share() -> Share:
    """This process's share, by the environment; the first call meets the other processes, and must come
    before anything is computed. Raises `RunError`."""
    named = [name for name in _VARIABLES if os.environ.get(name)]
    if keras.backend.backend() != "jax":
        if named:
            raise RunError(f"{named[0]}: several processes train together on JAX alone; set KERAS_BACKEND=jax")
        return Share()
    if not named:
        return Share(devices=len(keras.distribution.list_devices()))
    try:
        number, processes = int(os.environ[_NUMBER]), int(os.environ[_PROCESSES])
        os.environ[_VARIABLES[0]]
    except (KeyError, ValueError) as error:
        raise RunError(f"several processes need {', '.join(_VARIABLES)}, the last two whole numbers") from error
    if not 0 <= number < processes:
        raise RunError(f"{_NUMBER}={number}: with {_PROCESSES}={processes} it is one of 0 to {processes - 1}")
    keras.distribution.initialize()
    return Share(number, processes, len(keras.distribution.list_devices()))


def spread(model: keras.Model) -> keras.Model:
    """A copy of `model` on every device, with the weights of process 0, and all that is built until `gather`
    likewise; `model` itself where there is one device."""
    if share().devices == 1:
        return model
    weights = model.get_weights()
    if share().processes > 1:
        from jax.experimental import multihost_utils

        weights = multihost_utils.broadcast_one_to_all(weights)
    devices = keras.distribution.list_devices()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False))
    return _copy(model, weights)


def gather(model: keras.Model) -> keras.Model:
    """A copy of a spread model on the first device of this process."""
    if share().devices == 1:
        return model
    keras.distribution.set_distribution(None)
    return _copy(model, model.get_weights())


def check_agreement(finished_epochs: int) -> None:
    """Raise `RunError` in all processes unless all would continue from the same place."""
    if share().processes > 1:
        from jax.experimental import multihost_utils

        if np.ptp(multihost_utils.process_allgather(np.array(int(finished_epochs)))):
            raise RunError("the processes of this run were stopped at different places: delete the run of each")


def _copy(model: keras.Model, weights: list[np.ndarray]) -> keras.Model:
    copy = keras.models.clone_model(model)
    copy.set_weights(weights)
    return copy
