"""What a pretrained model is good for: a small head in place of its own, and a probe of every layer.

The article's section 3.1 (general ability that transfers); the pretraining itself is in `pretraining.py`.
"""

import copy
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.foundation.tensors import check_tokens
from llmasos_edu.models.encoder import MaskedLanguageModel

MOST_TOKENS = 1 << 17  # vocabularies are smaller
UNLABELLED = -100  # the label of what is not scored, as in torch's cross entropy


def states(model, tokens):
    """What a language model knows of each position, just before its own head: [batch, seq, d_model].

    Args:
        model: a `LanguageModel` or a `MaskedLanguageModel`.
        tokens: integers [batch, seq].
    """
    if isinstance(model, MaskedLanguageModel):
        return model.encode(tokens)
    tokens = check_tokens("tokens", tokens, model.vocab_size)
    return model.body(model.embedding(tokens))


def layers_of(model):
    """The layers of a `LanguageModel` or a `MaskedLanguageModel`, in order."""
    return model.encoder.layers if isinstance(model, MaskedLanguageModel) else model.blocks


@contextmanager
def states_recorded(model):
    """A list that fills with what enters the first layer and what leaves each, gradients and all.

    Args:
        model: as in `layers_of`; it is to be run once within.
    """
    found, layers = [], layers_of(model)
    hooks = [layers[0].register_forward_pre_hook(lambda layer, inputs: found.append(inputs[0]))]
    hooks += [
        layer.register_forward_hook(lambda layer, inputs, output: found.append(output)) for layer in layers
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def layer_states(model, tokens):
    """What each layer leaves behind: [layers + 1, batch, seq, d_model]; 0 is what enters the first layer.

    Args:
        model: a `LanguageModel` or a `MaskedLanguageModel`.
        tokens: integers [batch, seq].
    """
    with states_recorded(model) as found, modes_kept(model):
        model.eval()
        states(model, tokens)
    return torch.stack(found)


def pool_states(x, where="mean"):
    """One vector for each text: the mean of its positions, or one of them.

    Args:
        x: [..., seq, d_model].
        where: "mean", or a position: 0 the first, -1 the last.

    Returns:
        [..., d_model].

    Raises:
        ValueError: no such position.
    """
    if where == "mean":
        return x.mean(dim=-2)
    if isinstance(where, bool) or not isinstance(where, int) or not -x.shape[-2] <= where < x.shape[-2]:
        raise ValueError(f'where={where!r} is neither "mean" nor one of {x.shape[-2]} positions')
    return x[..., where, :]


# ---- a small head ----


class Classifier(nn.Module):
    """A language model with a small head in place of its own: which class does a text belong to?

    `logits = W pool(states) + b`. The head starts at zero, so the first loss is the logarithm of the number
    of classes. The model is copied: what the classifier learns does not change the one that was given.

    Args:
        model: a `LanguageModel` or a `MaskedLanguageModel`, pretrained or new.
        num_classes: at least 2.
        where: the vector that the head reads, as in `pool_states`.
        head_only: only the head learns, all else stays as pretrained.

    Raises:
        ValueError: fewer than two classes.

    Source: Devlin et al. 2019, section 3.2; Radford et al. 2018 (GPT), section 3.2; article 3.1.
    """

    def __init__(self, model, num_classes: int, *, where="mean", head_only: bool = False):
        super().__init__()
        check_count("num_classes", num_classes)
        if num_classes < 2:
            raise ValueError(f"num_classes={num_classes}: there is nothing to tell apart")
        self.where = where
        self.model = copy.deepcopy(model).requires_grad_(not head_only)
        self.head = nn.Linear(model.embedding.embedding_dim, num_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits `[batch, classes]` of texts `[batch, seq]`."""
        return self.head(pool_states(states(self.model, tokens), self.where))


def classification_loss(model, batch):
    """Mean surprise at the true class, in nats: `-1/n sum_i ln p(label_i | text_i)`.

    Args:
        model: maps tokens [batch, seq] to logits [batch, classes].
        batch: (tokens [batch, seq], labels [batch]); a label of -100 is not scored.

    Raises:
        ValueError: no text has a label.
    """
    tokens, labels = batch
    if not (labels != UNLABELLED).any():
        raise ValueError(f"all {len(labels)} labels are {UNLABELLED}: nothing is scored")
    return F.cross_entropy(model(tokens), labels.long(), ignore_index=UNLABELLED)


@torch.no_grad()
def accuracy(model, tokens, labels, *, batch_size=256):
    """Share of the texts whose most likely class is the true one.

    Args:
        model: maps tokens [batch, seq] to logits [batch, classes].
        tokens: integers [n, seq].
        labels: integers [n]; a text with -100 is left out.
        batch_size: texts per forward pass.

    Raises:
        ValueError: no texts, or another number of labels.
    """
    tokens, labels = _labelled(tokens, labels)
    with modes_kept(model):
        model.eval()
        guesses = torch.cat([model(part).argmax(dim=-1) for part in tokens.split(batch_size)])
    return (guesses == labels).double().mean().item()


# ---- probes ----


def probe(train_vectors, train_labels, test_vectors, test_labels):
    """How well classes can be read off vectors by a straight cut: accuracy on the test side.

    Logistic regression on features of mean 0 and variance 1 (of the training side). It has no hidden layer:
    what it finds was there to be read.

    Args:
        train_vectors, test_vectors: [n, dim].
        train_labels, test_labels: integers [n]; -100 is left out.

    Returns:
        share of the test vectors that get their class, 0 to 1.

    Raises:
        ValueError: no vectors, another number of labels, a single class.

    Source: Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes";
    article 3.1.
    """
    # Here, not above: they take over a second to import, and most chapters read no probe.
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    train_vectors, train_labels = _labelled(train_vectors, train_labels)
    test_vectors, test_labels = _labelled(test_vectors, test_labels)
    if len(train_labels.unique()) < 2:
        raise ValueError(
            f"all {len(train_labels)} training labels are {train_labels[0].item()}: one class only"
        )
    scaler = StandardScaler().fit(train_vectors.double().numpy())
    reader = LogisticRegression(max_iter=1000)
    reader.fit(scaler.transform(train_vectors.double().numpy()), train_labels.numpy())
    return float(reader.score(scaler.transform(test_vectors.double().numpy()), test_labels.numpy()))


def probe_layers(model, train, test, *, where="mean"):
    """Accuracy of a probe on each layer, from what enters the first layer on: a list of layers + 1 shares.

    Args:
        model: a `LanguageModel` or a `MaskedLanguageModel`.
        train, test: (tokens [n, seq], labels [n]).
        where: the vector of a text, as in `pool_states`.

    Raises:
        ValueError: as `probe` does.
    """
    both = [pool_states(layer_states(model, tokens), where) for tokens, _ in (train, test)]
    return [probe(seen, train[1], new, test[1]) for seen, new in zip(*both, strict=True)]


# ---- what a probe is held against ----


@torch.no_grad()
def shuffled(model, generator):
    """A copy whose every parameter holds the same numbers in another order: the sizes of training, no order.

    Unlike a new network of this book, whose layers add nothing yet, it mixes what stands around a token.

    Args:
        model: any nn.Module.
        generator: source of randomness.
    """
    other = copy.deepcopy(model)
    for each in other.parameters():
        order = torch.randperm(each.numel(), generator=generator)
        each.copy_(each.flatten()[order].view_as(each))
    return other


def labels_at_random(tokens, num_classes, seed=0):
    """A label for each kind of token, drawn once: the control task, in which there is nothing to find.

    A probe that does well at it has learned a table of tokens by heart.

    Args:
        tokens: integers [n], the token in question of each text.
        num_classes: labels are 0 to num_classes - 1.
        seed: of the draw; the same token has the same label in all texts.

    Returns:
        integers [n].

    Source: Hewitt & Liang 2019, "Designing and Interpreting Probes with Control Tasks".
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(num_classes, (MOST_TOKENS,), generator=generator)[tokens]


def _labelled(texts, labels):
    """Those of the texts or vectors that have a label, and their labels."""
    if len(texts) == 0 or labels.shape != texts.shape[:1]:
        raise ValueError(
            f"texts {list(texts.shape)} and labels {list(labels.shape)} must be equally many, at least one"
        )
    asked = labels != UNLABELLED
    if not asked.any():
        raise ValueError(f"all {len(labels)} labels are {UNLABELLED}: nothing is scored")
    return texts[asked], labels[asked]
