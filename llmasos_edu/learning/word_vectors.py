"""Word vectors without labels: from counts (PPMI and a truncated SVD), from prediction (skip-gram).

The article's section 3.2; `llmasos_edu.learning.unsupervised` holds the rest of it, and hands these on.
"""

from collections import Counter

import torch
import torch.nn.functional as F
from sklearn.decomposition import TruncatedSVD
from torch import nn

from llmasos_edu.foundation.tensors import digest

# ---- words and their neighbourhoods ----


def frequent_words(words, *, min_count=1, max_words=None):
    """List the distinct words, the most frequent first; equally frequent ones in alphabetical order.

    Args:
        words: any iterable of strings, one for each place of the text.
        min_count: rarer words are left out.
        max_words: keep so many at most; None keeps all.

    Returns:
        list of strings.

    Raises:
        ValueError: no word is frequent enough, or an argument is below 1.
    """
    for name, value in (("min_count", min_count), ("max_words", max_words)):
        if value is not None:
            check_at_least(name, value, 1)
    counts = Counter(words)
    kept = sorted((word for word, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w))
    if not kept:
        raise ValueError(
            f"none of {len(counts)} distinct words stands min_count={min_count} times in the text"
        )
    return kept[:max_words]


def near_pairs(tokens, window):
    """List all pairs of words that stand near each other, each pair from both sides.

    Args:
        tokens: word numbers [n]; -1 is a place that counts for nothing (a rare word, the gap between texts).
        window: how many places to each side are near.

    Returns:
        [2, pairs]: words above, their contexts below.

    Raises:
        ValueError: tokens that are no numbers of words, or a window without a place in it.
    """
    tokens = _check_tokens(tokens, None)
    check_at_least("window", window, 1)
    pairs = [torch.empty(2, 0, dtype=torch.int64)]
    for distance in range(1, min(window, len(tokens) - 1) + 1):
        both = torch.stack((tokens[:-distance], tokens[distance:]))
        both = both[:, (both >= 0).all(0)]
        pairs += [both, both.flip(0)]
    return torch.cat(pairs, dim=1)


def cooccurrence(tokens, vocab_size, *, window):
    """Count how often each word stands near each other word.

    `counts[w, c]` is the number of pairs of places (i, j) with `0 < |i - j| <= window`, w at i and c at j.

    Args:
        tokens: word numbers [n]; -1 is a place that counts for nothing (a rare word, the gap between texts).
        vocab_size: number of words; tokens are below it.
        window: how many places to each side are near.

    Returns:
        counts [vocab, vocab], float64, symmetric.

    Raises:
        ValueError: a token outside the vocabulary, or a window without a place in it.

    Source: Lund & Burgess 1996, "Producing high-dimensional semantic spaces from lexical co-occurrence";
    there nearer words count more, here all alike. Article 3.2.
    """
    words, contexts = near_pairs(_check_tokens(tokens, vocab_size), window)
    cells = torch.bincount(words * vocab_size + contexts, minlength=vocab_size * vocab_size)
    return cells.view(vocab_size, vocab_size).double()


# ---- vectors from counts ----


def ppmi(counts, *, context_power=1.0, shift=0.0):
    """Positive pointwise mutual information: how much more often than by chance two words meet, in nats.

    `max(0, log(P(w, c) / (P(w) P(c))) - shift)`, with `P(w, c) = counts[w, c] / sum(counts)`, `P(w)` the sum
    over c, and `P(c)` proportional to the sum over w to the power `context_power`. A pair that never met has
    -inf before the maximum, and so 0 after it.

    Args:
        counts: [words, contexts], none negative.
        context_power: below 1 it lifts the share of rare contexts, 0.75 is common.
        shift: subtracted before the maximum; log k matches skip-gram with k negatives.

    Returns:
        [words, contexts], none negative; in the precision of `counts`, float32 or float64.

    Raises:
        ValueError: counts that are no counts, or nothing but zeros.

    Source: Church & Hanks 1990, "Word Association Norms, Mutual Information, and Lexicography", for PMI;
    Bullinaria & Levy 2007, "Extracting Semantic Representations from Word Co-occurrence Statistics"; Levy,
    Goldberg & Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word Embeddings",
    sections 2.1 and 3.2. Article 3.2.
    """
    counts = _check_counts(counts)
    in_row, in_column = counts.sum(1, keepdim=True), counts.sum(0, keepdim=True)
    share = in_column**context_power / (in_column**context_power).sum()
    expected = in_row * share  # how often the pair would meet by chance, [words, contexts]
    met = counts > 0
    ratio = torch.where(met, counts, 1) / torch.where(met, expected, 1)  # no log of zero, no 0 / 0
    return torch.where(met, ratio.log() - shift, 0).clamp_min(0)


def svd_vectors(matrix, dim, *, power=0.5, seed=0):
    """Short vectors for the rows of a matrix, from its best approximation of rank `dim`.

    `matrix = U S V^T`, and row w's vector is `U[w, :dim] * S[:dim]**power`. Each column's sign is chosen so
    that its largest entry is positive.

    Args:
        matrix: [rows, columns], for example from `ppmi`.
        dim: numbers in a vector, at most rows and at most columns.
        power: of the singular values: 1 keeps the rows' dot products, 0.5 and 0 often serve words better.
        seed: of the iteration's start; the result depends on it in the last digits only.

    Returns:
        vectors [rows, dim].

    Raises:
        ValueError: dim is out of range, or the matrix is not one of finite numbers.

    Source: Deerwester et al. 1990, "Indexing by Latent Semantic Analysis"; for the power Levy, Goldberg &
    Dagan 2015, section 3.3. Article 3.2.
    """
    check_matrix("matrix", matrix)
    smallest = min(matrix.shape)
    if not 1 <= dim <= smallest:
        raise ValueError(f"dim={dim} is out of range: a matrix {list(matrix.shape)} gives 1 to {smallest}")
    if dim == smallest:  # the iteration below finds a part of the singular vectors only
        left, sizes, _ = torch.linalg.svd(matrix.detach(), full_matrices=False)
    else:
        svd = TruncatedSVD(dim, algorithm="arpack", random_state=seed)
        scaled = torch.from_numpy(svd.fit_transform(matrix.detach().cpu().numpy()))
        sizes = torch.from_numpy(svd.singular_values_).to(scaled)
        left = scaled / sizes.clamp_min(torch.finfo(scaled.dtype).tiny)
    largest = left.gather(0, left.abs().argmax(0, keepdim=True))  # [1, dim]
    return (left * largest.sign() * sizes**power).to(matrix)


# ---- vectors from prediction ----


class SkipGram(nn.Module):
    """Two tables of vectors, one for words and one for contexts, that learn which words stand together.

    The score of a word and a context is the dot product of their vectors.

    Args:
        vocab_size: number of words.
        dim: numbers in a vector.

    Fields:
        words: nn.Embedding whose `weight` [vocab, dim] are the word vectors.
        contexts: nn.Embedding of the same shape; zero at the start, as in word2vec.

    Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their
    Compositionality", section 2; article 3.2.
    """

    def __init__(self, vocab_size, *, dim):
        super().__init__()
        self.words, self.contexts = nn.Embedding(vocab_size, dim), nn.Embedding(vocab_size, dim)
        nn.init.uniform_(self.words.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.contexts.weight)

    def forward(self, words, contexts):
        """Scores of words [batch] with contexts [batch] or [batch, k], in the shape of the contexts."""
        word, context = self.words(words), self.contexts(contexts)
        if context.ndim == 2:
            return (word * context).sum(-1)
        return (context @ word.unsqueeze(-1)).squeeze(-1)


def negative_sampling_loss(positive, negative, is_noise=None):
    """Tell the true context from drawn ones: a yes-or-no question for each, mean over the batch, in nats.

    `-log sigmoid(positive) - sum_k log sigmoid(-negative_k)`.

    Args:
        positive: scores of words with their true contexts [batch].
        negative: scores of the same words with drawn contexts [batch, k].
        is_noise: bool [batch, k], False where the drawn context happens to be the true one: it is left out.

    Returns:
        scalar tensor.

    Raises:
        ValueError: shapes that do not fit.

    Source: Mikolov et al. 2013, section 2.2; article 3.2.
    """
    fits = positive.ndim == 1 and negative.ndim == 2 and len(positive) == len(negative)
    if not fits or (is_noise is not None and is_noise.shape != negative.shape):
        shapes = [list(t.shape) for t in (positive, negative, is_noise) if t is not None]
        raise ValueError(
            f"positive, negative and is_noise are {shapes}: expected [batch], [batch, k], [batch, k]"
        )
    noise = F.logsigmoid(-negative)
    if is_noise is not None:
        noise = torch.where(is_noise, noise, 0)
    return -(F.logsigmoid(positive) + noise.sum(-1)).mean()


def skip_gram_loss(model, batch):
    """The loss for `train`: a batch is what a SkipGramSampler draws.

    Args:
        model: SkipGram.
        batch: words [batch], true contexts [batch], drawn contexts [batch, k].

    Returns:
        scalar tensor, nats.
    """
    words, contexts, drawn = batch
    return negative_sampling_loss(model(words, contexts), model(words, drawn), drawn != contexts[:, None])


def sampled_scores(counts, noise, *, negatives):
    """The scores at which skip-gram's loss is smallest, if every pair has a score of its own.

    `ln p(c | w) / (1 - p(c | w)) - ln(k q(c))`, with p(c | w) the share of context c beside word w and q(c)
    the share with which c is drawn as noise. Where p(c | w) is small and q the contexts' share in the text,
    this is PMI - ln k. The 1 - p comes from leaving out drawn words that are the true context.

    Args:
        counts: how often each word stands near each other word [words, contexts], as from `cooccurrence`.
        noise: how often each context is drawn, up to a factor [contexts]: counts to the power 3/4.
        negatives: k, drawn words for each pair.

    Returns:
        [words, contexts], float64; -inf for a pair that never met, inf for a word's only context.

    Raises:
        ValueError: shapes that do not fit, counts or noise that are none, no negatives.

    Source: Levy & Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization", section 3.1, for
    noise in proportion to the counts and nothing left out. Article 3.2.
    """
    counts = _check_counts(counts).double()
    check_at_least("negatives", negatives, 1)
    if noise.shape != counts.shape[1:] or not (noise >= 0).all() or not noise.sum() > 0:
        raise ValueError(f"noise {list(noise.shape)} must be shares of the {counts.shape[1]} contexts")
    met = counts > 0
    beside = counts / counts.sum(1, keepdim=True).clamp_min(1)  # p(c | w)
    drawn = negatives * noise.double() / noise.sum()
    return torch.where(met, torch.logit(beside) - drawn.log(), -torch.inf)


class SkipGramSampler:
    """Draws training pairs: a word, a word near it, and k words from anywhere.

    Args:
        tokens: word numbers [n]; -1 is a place that counts for nothing.
        vocab_size: number of words.
        window: how many places to each side are near; every pair within is equally likely.
        negatives: k, drawn words for each pair.
        batch_size: pairs in a batch.
        noise_power: words are drawn in proportion to their count to this power.
        threshold: of the subsampling of frequent words; a word with share f of the text stays at a place with
            probability `min(1, sqrt(threshold / f))`. None keeps all.
        seed: of the subsampling, which is drawn once.

    Returns:
        when called with a generator: words [batch], contexts [batch], drawn [batch, k].

    Raises:
        ValueError: no pair is near, or an argument is out of range.

    Source: Mikolov et al. 2013, sections 2.2 and 2.3; the power 3/4 is theirs. Article 3.2.
    """

    def __init__(self, tokens, *, vocab_size, window, negatives=5, batch_size=1024, noise_power=0.75,
                 threshold=None, seed=0):  # fmt: skip
        tokens = _check_tokens(tokens, vocab_size)
        for name, value in (("negatives", negatives), ("batch_size", batch_size)):
            check_at_least(name, value, 1)
        counts = torch.bincount(tokens[tokens >= 0], minlength=vocab_size).double()
        if threshold is not None:
            tokens = subsample(tokens, threshold, generator=torch.Generator().manual_seed(seed))
        self.pairs = near_pairs(tokens, window)
        if self.pairs.shape[1] == 0:
            raise ValueError(f"no two words stand within window={window} in {len(tokens)} places")
        self.negatives, self.batch_size = negatives, batch_size
        self._noise_rule = counts.long(), noise_power
        self.noise = counts**noise_power / (counts**noise_power).sum()  # [vocab]
        self._noise_ends = self.noise.cumsum(0)

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        return digest(self.pairs, *self._noise_rule, self.negatives, self.batch_size)

    def __call__(self, generator):
        chosen = torch.randint(self.pairs.shape[1], (self.batch_size,), generator=generator)
        words, contexts = self.pairs[:, chosen]
        place = torch.rand(self.batch_size, self.negatives, generator=generator, dtype=torch.float64)
        # torch.multinomial would add the shares up anew for each batch. The last end may round below 1.
        drawn = torch.searchsorted(self._noise_ends, place, right=True).clamp_max(len(self.noise) - 1)
        return words, contexts, drawn


def subsample(tokens, threshold, *, generator):
    """Thin out frequent words: at each place a word stays with probability `min(1, sqrt(threshold / f))`.

    Args:
        tokens: word numbers [n], -1 for a place that counts for nothing.
        threshold: share of the text; rarer words all stay. 1e-3 to 1e-5 are common.
        generator: the random stream.

    Returns:
        tokens [n], -1 at the places that were thinned out: windows do not grow across them.

    Raises:
        ValueError: the threshold is not positive, or tokens are not numbers of words.

    Source: Mikolov et al. 2013, section 2.3; in word2vec's code they do. Article 3.2.
    """
    if not threshold > 0:
        raise ValueError(f"threshold={threshold} must be above 0: it is a share of the text")
    tokens = _check_tokens(tokens, None)
    counts = torch.bincount(tokens[tokens >= 0], minlength=1)
    share = counts / counts.sum().clamp_min(1)
    stays = (threshold / share.clamp_min(1e-30)).sqrt().clamp_max(1)
    kept = torch.rand(len(tokens), generator=generator) < stays[tokens.clamp_min(0)]
    return torch.where(kept, tokens, -1)


# ---- at the door ----


def check_at_least(name, value, low):
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name}={value!r} must be a whole number, at least {low}")


def _check_tokens(tokens, vocab_size):
    """The tokens as int64; a vocab_size of None is one that nobody knows."""
    if vocab_size is not None:
        check_at_least("vocab_size", vocab_size, 1)
    if tokens.ndim != 1 or tokens.dtype.is_floating_point:
        raise ValueError(
            f"tokens must be whole numbers [n], got {tokens.dtype} of shape {list(tokens.shape)}"
        )
    tokens = tokens.long()
    low, high = (int(tokens.min()), int(tokens.max())) if len(tokens) else (0, 0)
    if low < -1 or (vocab_size is not None and high >= vocab_size):
        last = "" if vocab_size is None else f" to {vocab_size - 1}"
        raise ValueError(f"tokens run from {low} to {high}: expected -1 (no word){last}")
    return tokens


def check_matrix(name, matrix):
    if matrix.ndim != 2 or not matrix.dtype.is_floating_point or not bool(matrix.isfinite().all()):
        raise ValueError(
            f"{name} must be a matrix of finite floats, got {matrix.dtype} of shape {list(matrix.shape)}"
        )


def _check_counts(counts):
    counts = counts if counts.dtype.is_floating_point else counts.double()
    check_matrix("counts", counts)
    if bool((counts < 0).any()):
        raise ValueError(f"counts holds {counts.min().item():g}: nothing is counted less than 0 times")
    if not bool(counts.sum() > 0):
        raise ValueError(f"counts {list(counts.shape)} are all zero: no two words ever met")
    return counts
