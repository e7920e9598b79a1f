"""A router to play with: which token goes to which expert, and how evenly the load is spread.

Section 4.3.2 (the router, capacity, balance) and 4.3 (what experts are specialised in).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets as t

from llmasos_edu.foundation.arguments import check_number, check_strings, check_whole
from llmasos_edu.foundation.arrays import read_array, readable_piece
from llmasos_edu.foundation.modes import evaluating
from llmasos_edu.widgets.expert_load import data
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error


class ExpertLoadExplorer(Explorer):
    """Tokens against experts: the router's probabilities, its choice and the load, explored in the browser.

    The browser routes anew whenever the reader moves something, as `routing.top_k_routing` does:
    `probs = softmax((logits + noise * N(0, 1)) / temperature)`, the `top_k` likeliest experts, gates, and
    drops beyond the capacity `ceil(capacity_factor * top_k * tokens / experts)`.

    Args:
        router_logits: `[tokens, experts]`, `[layers, tokens, experts]` or
            `[steps, layers, tokens, experts]` (the same tokens at several steps of training), torch or numpy.
            At most 32 steps, 64 layers, 2,048 tokens, 64 experts, and 8,388,608 logits in all: two layers
            of 32 x 2,048 x 64. The largest page that `save_html` writes then has 23 MB. Up to 262,144
            logits are sent in single precision; above that in half, where experts of nearly equal score may
            change places.
        tokens: one string per token, in the order in which experts serve them.
        domains: one string per token, what it is from (`prose`, `code`): at most 8 different ones, each with
            a colour, a pattern and a letter.
        steps: the number of each recorded training step, rising; 0, 1, 2, ... unless given.
        top_k: experts a token.
        renormalize: a token's gates sum to one; unless given, they do where `top_k` is above 1, as in `MoE`.
        bias: added to the probabilities for the choice alone: `[experts]`, `[layers, experts]` or
            `[steps, layers, experts]`.
        capacity_factor: None for no limit.
        temperature, noise: where their sliders start, 0.1 to 10 and 0 to 4. Noise is in units of logits.
        layer: shown first, counted from 0 as in the code.
        step: shown first, an index into the recorded steps; the last one unless given.

    Raises:
        ValueError, TypeError: with the place and the value, in words.

    Source: Shazeer et al. 2017, section 2.1; Fedus et al. 2021, section 2.2; article 4.3.2.
    """

    page_title = "Expert-load explorer"
    _esm = script(
        "expert_load/routing.js",
        "expert_load/drawing.js",
        "expert_load/strip.js",
        "expert_load/words.js",
        "expert_load/picture.js",
        "expert_load/explorer.js",
    )
    _css = style()

    description = t.Dict().tag(sync=True)
    data = t.Bytes().tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    step = t.Int(0, help="index of the recorded training step").tag(sync=True)
    token = t.Int(0, help="the token under the cursor").tag(sync=True)
    expert = t.Int(0, help="the expert under the cursor").tag(sync=True)
    top_k = t.Int(2).tag(sync=True)
    renormalize = t.Bool(True).tag(sync=True)
    capacity_factor = t.Float(None, allow_none=True, help="None for no limit").tag(sync=True)
    temperature = t.Float(1.0).tag(sync=True)
    noise = t.Float(0.0, help="standard deviation, in units of logits").tag(sync=True)
    seed = t.Int(0, help="of the noise").tag(sync=True)
    domain = t.Int(-1, help="index of the only domain shown, -1 for all").tag(sync=True)
    order = t.Enum(["text", "domain", "expert"], "text", help="how tokens are ordered").tag(sync=True)

    def __init__(self, router_logits, tokens, *, domains=None, steps=None, top_k: int = 2,
                 renormalize: bool | None = None, bias=None, capacity_factor: float | None = None,
                 temperature: float = 1.0, noise: float = 0.0, layer: int = 0,
                 step: int | None = None) -> None:  # fmt: skip
        logits = data.check_logits(router_logits)
        self._shape = logits.shape
        num_steps, num_layers, num_tokens, num_experts = logits.shape
        tokens = check_strings(tokens, "tokens", num_tokens, "tokens")
        names, domain_of = ([], []) if domains is None else data.check_domains(domains, num_tokens)
        numbers = data.check_steps(steps, num_steps, num_steps > 1 or np.ndim(router_logits) == 4)
        check_whole("top_k", top_k, 1, num_experts)
        check_whole("layer", layer, 0, num_layers - 1)
        step = num_steps - 1 if step is None else check_whole("step", step, 0, num_steps - 1)
        bias = data.check_bias(bias, logits.shape)
        description, blob = data.pack(logits, bias, tokens)
        self._domains = names
        super().__init__(
            description=description
            | {"domains": names, "letters": data.domain_letters(names), "domain_of": domain_of}
            | {"steps": numbers},
            data=blob, layer=layer, step=step, top_k=top_k,
            renormalize=top_k > 1 if renormalize is None else bool(renormalize),
            capacity_factor=data.check_capacity_factor(capacity_factor),
            temperature=check_number("temperature", temperature, 0.1, 10),
            noise=check_number("noise", noise, 0, 4),
        )  # fmt: skip

    @t.validate("layer", "step", "token", "expert", "top_k", "domain")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        steps, layers, tokens, experts = self._shape
        counts = {"layer": layers, "step": steps, "token": tokens, "expert": experts}
        low, high = {"top_k": (1, experts), "domain": (-1, len(self._domains) - 1)}.get(
            name, (0, counts.get(name, 0) - 1)
        )
        if not low <= value <= high:
            raise t.TraitError(f"{name}={value} does not exist: {low} to {high}")
        return value

    @t.validate("capacity_factor", "temperature", "noise")
    def _as_in_the_constructor(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name == "capacity_factor":
                return data.check_capacity_factor(value)
            return check_number(name, value, *((0.1, 10) if name == "temperature" else (0, 4)))

    def contents(self) -> str:
        steps, layers, tokens, experts = self._shape
        parts = [f"{steps} steps"] * (steps > 1) + [f"{layers} layer{'s' * (layers > 1)}"]
        parts += [f"{tokens} token{'s' * (tokens > 1)} x {experts} expert{'s' * (experts > 1)}"]
        parts += ["domains: " + ", ".join(self._domains)] * bool(self._domains)
        parts += [f"top_k={self.top_k}"]
        if self.capacity_factor is not None:
            parts += [f"capacity_factor={self.capacity_factor:g}"]
        return ", ".join(parts)

    @classmethod
    def from_model(cls, model: Any, tokens: Any, words, *, domains=None, **settings) -> ExpertLoadExplorer:
        """Explore how one of the book's own models routes: its `top_k`, gates and balancing biases are taken.

        Args:
            model: a `LanguageModel` with experts, or one `MoE`; it is run in eval mode and left as it was.
            tokens: `[batch, seq]` or `[seq]` token ids, for a `MoE` vectors `[..., d_model]`. All tokens of
                the batch are routed together.
            words: one string per token in reading order, or a tokenizer (with `tokens` or
                `convert_ids_to_tokens`).
            domains: one string per token in reading order, or one per row of the batch.
            settings: as for `ExpertLoadExplorer`; `capacity_factor` is the model's own for evaluation unless
                given.

        Raises:
            ValueError: no experts, layers of different size, `choice="expert"`, with the values.
        """
        if hasattr(model, "route"):
            mixtures, ids = [model], None
            count = int(np.prod(tokens.shape[:-1]))
        else:
            from llmasos_edu.layers.moe import mixtures_of

            mixtures, ids = mixtures_of(model), tokens.reshape(-1)
            count = len(ids)
            tokens = tokens[None] if tokens.dim() == 1 else tokens
        same = _settings_of(mixtures)
        routings = _routings_of(model, tokens)
        bias = np.stack([mixture.balancing_bias.float().cpu().numpy() for mixture in mixtures])
        if domains is not None:
            domains = _one_a_token(domains, count, len(tokens))
        return cls.from_routings(
            routings, _words_of(words, ids), bias=bias, domains=domains, **same | settings
        )

    @classmethod
    def from_routings(cls, routings, tokens, *, bias=None, **settings) -> ExpertLoadExplorer:
        """Explore routings that were recorded, at one step of training or at several.

        Args:
            routings: a `Routing`; a list of them, one a layer (None where a layer has no experts), as
                `model.routed(tokens).routings` holds them; or a list of such lists, one a step.
            tokens: one string per token.
            bias: what was added for the choice, as for `ExpertLoadExplorer`: the mixtures' `balancing_bias`.
            settings: as for `ExpertLoadExplorer`; `top_k` and `renormalize` are found out from the routings.

        Raises:
            ValueError: routings that differ in size, or that do not follow from their logits and `bias`.
        """
        recorded = _as_steps(routings)
        logits = np.stack(
            [np.stack([read_array(each.logits, "logits")[0] for each in layers]) for layers in recorded]
        )
        first = recorded[0][0]
        found, rest = divmod(len(first.token), len(first.logits))
        found = settings.setdefault("top_k", found) if not rest else 0
        sums = first.gate.detach().float().reshape(-1, len(first.logits)).sum(0) if not rest else None
        settings.setdefault("renormalize", bool(found and ((sums - 1).abs() < 1e-2).all()))
        explorer = cls(
            logits if len(recorded) > 1 or "steps" in settings else logits[0], tokens, bias=bias, **settings
        )
        _check_that_they_follow(recorded, bias, explorer)
        return explorer

    @classmethod
    def from_router_logits(
        cls, output: Any, tokens, *, mask=None, top_k: int = 2, **settings
    ) -> ExpertLoadExplorer:
        """Explore how any transformers model with experts routes.

        Args:
            output: what the model returned for `output_router_logits=True`, or its tuple `router_logits`:
                one tensor a layer, `[batch * seq, experts]` or `[batch, seq, experts]`.
            tokens: one string per token in reading order, as `tokenizer.convert_ids_to_tokens(ids)` gives.
            mask: `[batch, seq]`, the attention mask; what it hides is left out, also of `tokens`.
            top_k: the model's experts a token, `config.num_experts_per_tok`.
            settings: as for `ExpertLoadExplorer`; `renormalize` is true unless given, as in Mixtral.

        Raises:
            ValueError: no router logits, or layers that differ, with the shapes.
        """
        layers = getattr(output, "router_logits", output)
        layers = [each for each in layers or () if each is not None]
        if not layers:
            raise ValueError(
                "the output holds no router_logits: call a model with experts with output_router_logits=True"
            )
        layers = [each.reshape(-1, each.shape[-1]) for each in layers]
        shapes = [list(each.shape) for each in layers]
        if any(shape != shapes[0] for shape in shapes):
            raise ValueError(f"the layers' router_logits differ in shape, {shapes}: show those of one shape")
        logits = np.stack([read_array(each, "router_logits")[0] for each in layers])
        if mask is not None:
            seen = np.asarray(mask).reshape(-1) != 0
            if len(seen) != logits.shape[1]:
                raise ValueError(f"mask has {len(seen)} places for router_logits of {logits.shape[1]} tokens")
            logits = logits[:, seen]
        if logits.min() >= 0 and np.abs(logits.sum(-1) - 1).max() < 1e-2:
            # Some models return probabilities under this name: the softmax of their logarithm is the same.
            logits = np.log(np.maximum(logits, 1e-30))
        settings.setdefault("renormalize", True)
        return cls(logits, [readable_piece(token) for token in tokens], top_k=top_k, **settings)


def _settings_of(mixtures: list) -> dict[str, Any]:
    """`top_k`, `renormalize` and the capacity factor in evaluation, which all layers must share."""
    if not mixtures:
        raise ValueError("the model has no experts: none of its layers is a MoE")
    found = [(each.top_k, each.renormalize, each.eval_capacity_factor) for each in mixtures]
    if any(each != found[0] for each in found):
        raise ValueError(
            f"the layers differ in (top_k, renormalize, eval_capacity_factor), {found}: explore one MoE"
        )
    if any(each.choice != "token" for each in mixtures):
        raise ValueError("choice='expert': the experts choose here, this explorer is for tokens that choose")
    return dict(zip(("top_k", "renormalize", "capacity_factor"), found[0], strict=True))


def _routings_of(model, tokens) -> list:
    import torch

    with evaluating(model), torch.inference_mode():
        _, found = model.routed(tokens)
    return found if isinstance(found, list) else [found]


def _as_steps(routings) -> list[list]:
    """`[steps][layers]` out of a routing, a list of layers or a list of steps; layers without experts go."""
    if hasattr(routings, "logits"):
        routings = [routings]
    routings = list(routings)
    steps = routings if routings and isinstance(routings[0], list) else [routings]
    steps = [[each for each in layers if each is not None] for layers in steps]
    if not all(steps) or not steps:
        raise ValueError("there is no routing to explore: no layer has experts")
    shapes = [[list(each.logits.shape) for each in layers] for layers in steps]
    flat = [shape for layers in shapes for shape in layers]
    if any(len(layers) != len(shapes[0]) for layers in shapes) or any(shape != flat[0] for shape in flat):
        raise ValueError(f"the routings' logits differ in shape between layers or steps: {shapes}")
    return steps


def _check_that_they_follow(recorded, bias, explorer: ExpertLoadExplorer) -> None:
    """The explorer shows logits; what was chosen when they were recorded must be what they give."""
    import torch

    from llmasos_edu.layers.routing import top_k_routing

    if bias is not None:
        shape = (len(recorded), len(recorded[0]), explorer._shape[-1])
        biases = torch.tensor(np.broadcast_to(read_array(bias, "bias")[0], shape).copy())
    for step, layers in enumerate(recorded):
        for layer, routing in enumerate(layers):
            added = None if bias is None else biases[step, layer].to(routing.probs)
            expected = top_k_routing(routing.logits, explorer.top_k, bias=added)
            if not torch.equal(routing.expert, expected.expert):
                raise ValueError(
                    f"the routing of step {step}, layer {layer} chose other experts than "
                    f"top_k={explorer.top_k} of its logits: give the bias that was added for the choice, and "
                    "only routings where tokens choose"
                )


def _one_a_token(domains, count: int, rows: int) -> list[str]:
    """Domains of rows become domains of their tokens."""
    domains = domains if isinstance(domains, str) else list(domains)
    if len(domains) == rows and rows != count and not isinstance(domains, str):
        return [domain for domain in domains for _ in range(count // rows)]
    return domains


def _words_of(words, ids):
    """Strings for the tokens, by a tokenizer where one is given."""
    for name in ("tokens", "convert_ids_to_tokens"):
        if hasattr(words, name):
            if ids is None:
                raise TypeError("a MoE reads vectors, which no tokenizer names: give one string per token")
            return [readable_piece(word) for word in getattr(words, name)(ids.tolist())]
    return words
