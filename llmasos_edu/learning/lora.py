"""Low-rank adapters (LoRA): a frozen model, and beside some of its matrices two narrow ones that learn.

What an adapter learns can be taken off, kept in a file of some kilobytes, and put on again; the model below
it never changes, so it forgets nothing. The article's section 3.3.
"""

import hashlib
import math

import torch
from torch import nn

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.layers.adapters import AdapterChoice, BatchedLoRALinear
from llmasos_edu.training.checkpoint import CheckpointError, cuda_devices, read_tensors, write_tensors

ATTENTION = ("query_proj", "value_proj")  # as Hu et al. 2021 in most experiments, section 5.1


class LoRALinear(nn.Linear):
    """A linear map with a low-rank detour: `y = x W^T + b + alpha / rank * (x A^T) B^T`.

    W and b are the given layer's own, frozen. A starts random and B at zero, so the layer begins as what it
    was, and B learns first: its gradient needs A, and A's gradient needs B.

    Args:
        linear: the layer to stand in for; its tensors are shared, not copied.
        rank: rows of A, columns of B.
        alpha: size of the detour; the factor is `alpha / rank`, so that another rank needs no other
            learning rate.

    Raises:
        ValueError: a rank that is no whole number of at least 1 or above the smaller side, an alpha of 0.

    Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1; article 3.3.
    """

    def __init__(self, linear, *, rank, alpha):
        nn.Module.__init__(self)
        check_count("rank", rank)
        out_features, in_features = linear.weight.shape
        if rank > min(out_features, in_features):
            raise ValueError(
                f"rank={rank} is above the smaller side of a {out_features} x {in_features} matrix"
            )
        if alpha == 0 or not math.isfinite(alpha):
            raise ValueError(f"alpha={alpha} must be finite and not 0: the adapter would never act")
        self.in_features, self.out_features, self.rank, self.alpha = in_features, out_features, rank, alpha
        self.weight, self.bias = linear.weight, linear.bias
        like = {"dtype": linear.weight.dtype, "device": linear.weight.device}
        self.lora_a = nn.Parameter(torch.randn(rank, in_features, **like) * in_features**-0.5)
        self.lora_b = nn.Parameter(torch.zeros(out_features, rank, **like))

    @property
    def scale(self):
        """The factor of the detour, `alpha / rank`."""
        return self.alpha / self.rank

    def forward(self, x):
        """Map `[..., in]` to `[..., out]`."""
        narrow = nn.functional.linear(x, self.lora_a)  # [..., rank]
        return super().forward(x) + self.scale * nn.functional.linear(narrow, self.lora_b)

    @torch.no_grad()
    def merged(self):
        """A plain `nn.Linear` that does the same: its weight is `W + alpha / rank * B A`, a new tensor."""
        plain = self._plain()
        plain.weight = nn.Parameter(self.weight + self.scale * self.lora_b @ self.lora_a)
        return plain

    def _plain(self):
        plain = nn.Linear(self.in_features, self.out_features, bias=False, device="meta")
        plain.weight, plain.bias = self.weight, self.bias
        return plain.train(self.training)

    def extra_repr(self):
        return f"{super().extra_repr()}, rank={self.rank}, alpha={self.alpha}"


# ---- on a model ----


def add_lora(model, *, rank, alpha=None, targets=ATTENTION):
    """Freeze a model and put adapters on some of its linear layers, in place.

    A rank r adapter of a matrix [out, in] has `r * (in + out)` parameters.

    Args:
        model: any nn.Module with nn.Linear layers, such as `LanguageModel`.
        rank: of every adapter.
        alpha: `2 * rank` unless given.
        targets: names of layers, as far as needed from the end: "query_proj" in every block,
            "feed_forward.out_proj" but not attention's, "blocks.0.attention.value_proj" alone.

    Returns:
        the full names of the layers that have an adapter now, in the order of the model. A, and so the whole
        model, depends on torch's random seed.

    Raises:
        ValueError: a target that names no linear layer, a model that has adapters already, a layer whose
            weight is shared with another module (merging would change both), whose weight is made anew by
            something else (weight_norm, pruning), or whose owner reads the weight without calling the layer
            (`nn.MultiheadAttention`, `nn.TransformerEncoderLayer`), and as `LoRALinear` does.

    Source: Hu et al. 2021, sections 4.1 and 4.2; article 3.3.
    """
    if adapters := adapted_layers(model):
        raise ValueError(f"the model has adapters already, {len(adapters)}: merge or remove them first")
    if isinstance(targets, str):
        targets = (targets,)
    linear = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    chosen = [name for name in linear if any(_is_named(name, target) for target in targets)]
    for target in targets:
        if not any(_is_named(name, target) for name in linear):
            known = ", ".join(dict.fromkeys(name.rsplit(".", 1)[-1] for name in linear)) or "none"
            raise ValueError(f"no linear layer is called {target!r}; there are: {known}")
    if not chosen:
        raise ValueError("targets is empty: no layer would learn")
    for name in chosen:
        _check_plain(model, name, linear[name])
        _check_own(model, name, linear[name].weight)
    adapters = {
        name: LoRALinear(linear[name], rank=rank, alpha=2 * rank if alpha is None else alpha)
        for name in chosen
    }
    model.requires_grad_(False)
    for name, adapter in adapters.items():
        model.set_submodule(name, adapter.train(linear[name].training))
    return chosen


def merge_lora(model):
    """Add every adapter to its matrix and leave plain layers, in place: the same answers, no detour.

    All parameters are trainable again.

    Raises:
        ValueError: the model has no adapters.
    """
    _replace(model, LoRALinear.merged)


def remove_lora(model):
    """Take all adapters off, in place: the model is, to the bit, what it was before `add_lora`.

    All parameters are trainable again.

    Raises:
        ValueError: the model has no adapters.
    """
    _replace(model, LoRALinear._plain)


def adapted_layers(model):
    """The full names of a model's layers with an adapter; an empty list where there is none."""
    return [name for name, module in model.named_modules() if isinstance(module, LoRALinear)]


def adapter_state(model):
    """Copies of all that the adapters hold: {name: tensor}, A and B of each layer.

    Raises:
        ValueError: the model has no adapters.
    """
    return {name: p.detach().clone() for name, p in _adapter_parameters(model).items()}


@torch.no_grad()
def set_adapter_state(model, state):
    """Exchange what the adapters hold: switch a model from one task to another without touching its weights.

    Args:
        model: with adapters as those that `state` came from.
        state: from `adapter_state`.

    Raises:
        ValueError: other names or shapes; nothing is changed then.
    """
    own = _adapter_parameters(model)
    if own.keys() != state.keys():
        other = sorted(own.keys() ^ state.keys())
        raise ValueError(f"these adapters are of other layers: {other[0]!r} is only on one side")
    for name, tensor in state.items():
        if tensor.shape != own[name].shape:
            raise ValueError(f"{name} is {list(tensor.shape)}, the model's is {list(own[name].shape)}")
    for name, tensor in state.items():
        own[name].copy_(tensor)


def serve_together(model, adapters):
    """Put several adapters beside one body, in place, so that each row of a batch goes through its own.

    Args:
        model: with adapters as those that the states came from, by `add_lora`; what they hold is dropped.
        adapters: {name: state from `adapter_state`}, at least one.

    Returns:
        AdapterChoice: `choose(names)` says whose row is whose before the model is called.

    Raises:
        ValueError: the model has no adapters, or a state is of other layers or shapes.
    """
    own, choice = _adapter_parameters(model), AdapterChoice(list(adapters))
    for name, state in adapters.items():
        if own.keys() != state.keys():
            raise ValueError(
                f"the adapter {name!r} is of other layers: {sorted(own.keys() ^ state.keys())[0]}"
            )
        for key, tensor in state.items():
            if tensor.shape != own[key].shape:
                shapes = f"{list(tensor.shape)}, the model's is {list(own[key].shape)}"
                raise ValueError(f"{key} of {name!r} is {shapes}")
    layers = {}
    for name in adapted_layers(model):
        pairs = [(state[f"{name}.lora_a"], state[f"{name}.lora_b"]) for state in adapters.values()]
        layer = model.get_submodule(name)
        layers[name] = BatchedLoRALinear(layer, pairs, scale=layer.scale, choice=choice).train(layer.training)
    for name, layer in layers.items():
        model.set_submodule(name, layer)
    return choice


class LeastSurprised(nn.Module):
    """A model that finds its adapter by itself: each token is guessed by the one that fits what was read.

    Of several adapters, the one whose guesses of the tokens before were best, by their likelihood, makes the
    next guess. Before anything was read that is the first one.

    Args:
        model: with adapters; what they hold is exchanged while it reads.
        states: of each adapter, from `adapter_state`.

    Raises:
        ValueError: no adapter.
    """

    def __init__(self, model, states):
        super().__init__()
        self.model, self.states = model, list(states)
        if not self.states:
            raise ValueError("there is no adapter to choose from")

    def forward(self, tokens):
        """Logits `[batch, seq, vocab]` for tokens `[batch, seq]`, each row with adapters of its own."""
        logits = torch.stack(
            [self._read(state, tokens) for state in self.states]
        )  # [adapters, batch, seq, v]
        nats = (
            -logits[:, :, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None].expand(len(logits), -1, -1, 1))
        )
        so_far = nn.functional.pad(nats[..., 0].cumsum(-1), (1, 0))  # [adapters, batch, seq]
        best = so_far.argmin(0)  # [batch, seq]
        return logits.gather(0, best[None, ..., None].expand(1, *logits.shape[1:]))[0]

    def _read(self, state, tokens):
        set_adapter_state(self.model, state)
        return self.model(tokens)


# ---- in a file ----


def save_adapters(path, model):
    """Write a model's adapters, and nothing else of it, to one safetensors file.

    The file remembers rank, alpha and layers, and the sha256 of the weights below.

    Args:
        path: the file; replaced in one atomic move, as by `save_model`.
        model: with adapters.

    Raises:
        ValueError: the model has no adapters.
        CheckpointError: the file cannot be written.
    """
    state = adapter_state(model)
    first = model.get_submodule(adapted_layers(model)[0])
    content = {"rank": first.rank, "alpha": first.alpha, "layers": adapted_layers(model)}
    write_tensors(path, "adapters", content | {"base": base_digest(model)}, state)


def load_adapters(path, model):
    """Put the adapters of a file on the model that they were trained on, in place.

    Args:
        path: a file of `save_adapters`.
        model: without adapters.

    Returns:
        the full names of the layers that have an adapter now. The caller's random stream is left as it was.

    Raises:
        ValueError: the model has adapters already.
        CheckpointError: the file is damaged or foreign, or the adapters were trained on other weights.
    """
    content, tensors = read_tensors(path, "adapters")
    if adapted_layers(model):
        raise ValueError(f"the model has adapters already: remove them before {path} is put on")
    if content["base"] != base_digest(model):
        raise CheckpointError(f"{path}: these adapters were trained on other weights than this model's")
    with torch.random.fork_rng(devices=cuda_devices(model)):
        names = add_lora(model, rank=content["rank"], alpha=content["alpha"], targets=content["layers"])
    set_adapter_state(model, tensors)
    return names


def base_digest(model):
    """The sha256 of all that is not an adapter: names, kinds of number, shapes and bytes."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        if not name.endswith((".lora_a", ".lora_b")):
            plain = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {plain.dtype} {list(plain.shape)}".encode())
            digest.update(plain.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _adapter_parameters(model):
    names = adapted_layers(model)
    if not names:
        raise ValueError("the model has no adapters: add_lora puts them on")
    parameters = dict(model.named_parameters())
    return {f"{name}.{part}": parameters[f"{name}.{part}"] for name in names for part in ("lora_a", "lora_b")}


def _replace(model, make):
    _adapter_parameters(model)
    for name in adapted_layers(model):
        model.set_submodule(name, make(model.get_submodule(name)))
    model.requires_grad_(True)


def _is_named(name, target):
    """True where the dotted name ends in the target, component by component."""
    return f".{name}".endswith(f".{target}")


# In evaluation these hand their layers' weights to one kernel, and no adapter would be asked.
READERS = (nn.MultiheadAttention, nn.TransformerEncoderLayer)


def _check_plain(model, name, linear):
    """Refuse a layer that an adapter cannot stand in for."""
    owner = model.get_submodule(name.rpartition(".")[0])
    if isinstance(owner, READERS):
        raise ValueError(
            f"{name}: nn.{type(owner).__name__} reads this layer's weight without calling the layer, so an "
            "adapter there would not be heard"
        )
    if type(linear) is not nn.Linear or "weight" not in dict(linear.named_parameters(recurse=False)):
        raise ValueError(
            f"{name} is no plain nn.Linear with a weight of its own (a {type(linear).__name__}, under "
            "weight_norm, pruning or the like): an adapter cannot stand in for it"
        )
    if linear._forward_hooks or linear._forward_pre_hooks:
        raise ValueError(f"{name} has hooks that wait for its call: with an adapter they would not be called")


def _check_own(model, name, weight):
    for other, parameter in model.named_parameters(remove_duplicate=False):
        if parameter is weight and other != f"{name}.weight":
            raise ValueError(f"{name} shares its weight with {other}: an adapter on it could not be merged")
