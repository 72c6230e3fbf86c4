"""Split a network over the processes of a training, so that each holds a part of every parameter.

This is fully sharded data parallelism (Zhao et al. 2023, arXiv 2304.11277), by torch's ``fully_shard``. Every process
computes with rows of its own. Before a layer runs, the processes gather its parameters; afterwards each keeps only its
part. Gradients are averaged into the parts, so that gradients and optimizer state are split as the parameters are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import distributed
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor


def load_part(load: Callable[[], Any], device: str) -> Any:
    """Return the network that ``load`` returns, of which this process keeps its part on its device.

    The processes do this one after the other, so that only one network at a time is whole in the machine's memory.
    """
    rank, size = distributed.get_rank(), distributed.get_world_size()
    mesh = init_device_mesh(device, (size,))
    network = None
    for turn in range(size):
        if turn == rank:
            network = _shard(load(), mesh)
        distributed.barrier()
    return network


def _shard(network: Any, mesh: DeviceMesh) -> Any:
    names = set(network._no_split_modules)  # the classes of the model's layers
    for layer in [module for module in network.modules() if type(module).__name__ in names]:
        fully_shard(layer, mesh=mesh)
    fully_shard(network, mesh=mesh)  # what is outside of the layers
    network.set_reduce_scatter_unused_params(True)  # an expert that no row of this process has reached
    return network


def own_part(tensor: torch.Tensor) -> torch.Tensor:
    """Return the part of a tensor that this process holds: the same memory, or the tensor itself if it is not split."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor as one, if it is split. All processes must call this together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


@torch.no_grad()
def trained_parts(network: Any) -> dict[str, torch.Tensor]:
    """Return the trained parameters of a network by their names, each as :func:`own_part`."""
    _drop_gathered(network)
    return {name: own_part(p.detach()) for name, p in network.named_parameters() if p.requires_grad}


@torch.no_grad()
def gather_state(network: Any, *, only_trained: bool) -> dict[str, torch.Tensor]:
    """Return the state of a network with whole tensors on the CPU, in the first process; in the others nothing.

    All processes must call this together. Names of one tensor keep naming one tensor, as tied weights do.

    Args:
        network: a network of :func:`load_part`.
        only_trained: leave out what is not trained.
    """
    _drop_gathered(network)
    gathered: dict[int, torch.Tensor] = {}
    state = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        if only_trained and not tensor.requires_grad:
            continue
        if id(tensor) not in gathered:
            complete = whole(tensor).detach()
            gathered[id(tensor)] = complete.cpu() if distributed.get_rank() == 0 else complete.new_empty(0)
        state[name] = gathered[id(tensor)]
    return state if distributed.get_rank() == 0 else {}


def _drop_gathered(network: Any) -> None:
    """Keep only the own parts: after a forward pass, what is outside of the layers is still whole."""
    for module in network.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
