"""Run LSTM layers (Hochreiter & Schmidhuber 1997, "Long Short-Term Memory") over windows of time.

The layers run in fused kernels, with DropConnect.

On CPUs that have bfloat16, wide layers multiply in bfloat16, time step by time step.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .recurrent import LayerState, RecurrentLayer


class LockedDropout(nn.Module):
    """Drop the same features at all the time steps of a window: variational dropout.

    Gal & Ghahramani 2016, "A Theoretically Grounded Application of Dropout in Recurrent Neural
    Networks".
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Drop the same features of x, float [time, batch, features], at all its time steps."""
        if not self.training or self.probability == 0:
            return x
        mask = functional.dropout(x.new_ones(1, *x.shape[1:]), self.probability)
        return x * mask


WIDE = 256
"""Units from which a layer is faster with products in bfloat16 than as one fused kernel."""


class LSTMLayer(RecurrentLayer):
    """One LSTM layer with DropConnect on its recurrent weights.

    A dropped recurrent weight is dropped for the whole window, in every row: the weight-dropped
    LSTM of Merity, Keskar & Socher 2018, "Regularizing and Optimizing LSTM Language Models". The
    gates lie in the order of `torch.nn.LSTM`: input, forget, cell, output.
    """

    state_names = ("h", "c")
    # Input, forget, output, cell: one Sigmoid covers three adjacent gates.
    gate_order = (0, 1, 3, 2)
    zeros: Tensor

    def __init__(self, inputs: int, hidden: int, drop_connect: float) -> None:
        super().__init__(inputs, hidden, drop_connect)
        self.hidden = hidden
        self.drop_connect = drop_connect
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.bias = nn.Parameter(torch.zeros(4 * hidden))
        # The fused kernel takes two biases, of which only the sum matters, so one is fixed at zero.
        self.register_buffer("zeros", torch.zeros(4 * hidden), persistent=False)
        bound = 1 / math.sqrt(hidden)
        nn.init.uniform_(self.weight_ih, -bound, bound)
        nn.init.uniform_(self.weight_hh, -bound, bound)
        # Open forget gates let gradients through from the first step (Jozefowicz, Zaremba &
        # Sutskever 2015, "An Empirical Exploration of Recurrent Network Architectures").
        nn.init.ones_(self.bias[hidden : 2 * hidden])

    def forward(self, x: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Read a window; return the outputs and (h, c), in shapes as in `RecurrentLayer`."""
        h, c = state
        device = x.device.type
        half = device == "cpu" and torch.is_autocast_enabled(device)
        recurrent = functional.dropout(self.weight_hh, self.drop_connect, self.training)
        if half and self.hidden >= WIDE:
            gates = functional.linear(x, self.weight_ih, self.bias).to(torch.bfloat16)
            y, c = BFloat16LSTMFunction.apply(gates, h, c, recurrent)
            return y, (y[-1], c)
        # The arguments of the fused kernel, as nn.LSTM gives them: has_biases, layers, dropout,
        # train, bidirectional, batch_first.
        weights = [self.weight_ih, recurrent, self.bias, self.zeros]
        # Float32, because cells sum small numbers over thousands of steps. On a GPU autocast would
        # always use float16 here, in which gradients vanish; products in TensorFloat-32
        # (`device.set_precision`) are faster and need no gradient scaler.
        with torch.autocast(device, enabled=False):
            y, h, c = torch.lstm(
                x.float(),
                # Slices of the packed state, which cuDNN refuses unless they are contiguous.
                [h[None].contiguous(), c[None].contiguous()],
                weights,
                True,
                1,
                0.0,
                self.training,
                False,
                False,
            )
        return y, (h[0], c[0])

    def matrix(self) -> Tensor:
        """Return the matrix of the gates: [inputs + hidden, 4 x hidden]."""
        return torch.cat([self.weight_ih, self.weight_hh], dim=1).T

    def set_matrix(self, matrix: Tensor, bias: Tensor) -> None:
        """Set the weights to those of a matrix and a bias."""
        read, own = matrix[: -self.hidden], matrix[-self.hidden :]
        self.weight_ih = nn.Parameter(read.T.contiguous())
        self.weight_hh = nn.Parameter(own.T.contiguous())
        self.bias = nn.Parameter(bias)


class BFloat16LSTMFunction(torch.autograd.Function):
    """The recurrent part of an LSTM layer in bfloat16, except for the cells, which are in float32.

    On processors that have bfloat16 only in AVX-512, the backward pass of PyTorch's fused kernel is
    no faster in bfloat16 than in float32, though matrix products are more than twice as fast. Here
    the gradient of the weights is one product for the whole window. Gates are kept in bfloat16,
    because half of the time outside the products is spent on moving them.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - the type of PyTorch's contexts is not public
        gates: Tensor,
        h: Tensor,
        c: Tensor,
        weight: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return the outputs, bfloat16 [time, batch, H], and the last cells, float32 [batch, H].

        gates: bfloat16 [time, batch, 4H], the input's contribution to the gates; h and c: float32
        [batch, H]; weight: float32 [4H, H]. ``ctx`` stores what the gradients need.
        """
        steps, batch, width = gates.shape
        hidden = width // 4
        half = weight.to(torch.bfloat16)
        transposed = half.t()
        gate_values = torch.empty_like(gates)
        cells = c.new_empty(steps + 1, batch, hidden)
        outputs = gates.new_empty(steps + 1, batch, hidden)
        tanh_cells = gates.new_empty(steps, batch, hidden)
        cells[0], outputs[0] = c, h
        for t in range(steps):
            z = torch.addmm(gates[t], outputs[t], transposed, out=gate_values[t])
            z[:, : 2 * hidden].sigmoid_()
            z[:, 2 * hidden : 3 * hidden].tanh_()
            z[:, 3 * hidden :].sigmoid_()
            i, f, g, o = z.split(hidden, dim=1)
            torch.mul(f, cells[t], out=cells[t + 1])
            cells[t + 1].add_(i * g)
            tanh_cells[t].copy_(cells[t + 1]).tanh_()
            torch.mul(o, tanh_cells[t], out=outputs[t + 1])
        ctx.save_for_backward(gate_values, cells, outputs, tanh_cells, half)
        return outputs[1:].clone(), cells[-1]

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401 - as above
        *gradients: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the gradients of the inputs of `forward`, given the gradients of its outputs.

        Each gradient has the shape of its input; that of the weight is summed over the window.
        """
        dy, dc = gradients
        gate_values, cells, outputs, tanh_cells, half = ctx.saved_tensors
        steps, batch, hidden = tanh_cells.shape
        # What does not depend on later steps is computed for the whole window: first the slopes of
        # the gates, which become their gradients step by step.
        i, f, g, o = gate_values.split(hidden, dim=2)
        dgates = torch.empty_like(gate_values)
        to_i, to_f, to_g, to_o = dgates.split(hidden, dim=2)
        torch.mul(g * i, 1 - i, out=to_i)
        torch.mul(cells[:-1].to(half) * f, 1 - f, out=to_f)
        torch.mul(i, 1 - g * g, out=to_g)
        torch.mul(tanh_cells * o, 1 - o, out=to_o)
        to_cell = o * (1 - tanh_cells * tanh_cells)
        by_gate = dgates.view(steps, batch, 4, hidden)
        dc = dc.clone()
        dh = torch.zeros_like(dc)
        for t in reversed(range(steps)):
            dh.add_(dy[t])
            output = dh.to(half)
            dc.addcmul_(output, to_cell[t])
            by_gate[t, :, :3].mul_(dc.to(half)[:, None])
            to_o[t].mul_(output)
            dh = torch.mm(dgates[t], half).float()
            dc.mul_(f[t])
        # In this order because the transposed product is a third slower.
        dweight = torch.mm(outputs[:-1].flatten(0, 1).t(), dgates.flatten(0, 1)).t().float()
        return dgates, dh, dc, dweight
