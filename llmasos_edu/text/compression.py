"""General-purpose compressors as language models: how many bits does a byte of text cost them?

To compress is to predict: what was expected with probability p takes -log2 p bits at best (Shannon 1948). So
the size of a compressed text compares with a language model's bits per byte, and it is a bar that costs no
training. Three differences to a trained model belong beside every such figure:

- Alone, a compressor has read nothing before. *Primed*, it reads the training text first, as the model did.
- It goes on learning in the held-out text, whose repeated passages then cost it little. The weights of a
  trained model stand still; it knows of the held-out text only what its context shows.
- It looks back a certain way and no further, which limits what priming can do:
  gzip finds repeats in the last 32 KiB (RFC 1951), so it uses the end of the training text only;
  bz2 sorts blocks of 900,000 bytes, each on its own, so only the held-out bytes that share a block with
  training text gain from it, and a training text that fills whole blocks is of no use at all;
  xz looks back as far as its dictionary reaches, and here that is made to hold both texts.
"""

import bz2
import gzip
import lzma

COMPRESSORS = ("gzip", "bz2", "xz")
MAX_XZ_DICTIONARY = 3 * 2**29  # bytes: 1.5 GiB, the most that xz can be asked for


def compressed_size(data: bytes, method: str) -> int:
    """Size of the data after compression at the method's highest level.

    Args:
        data: the bytes to compress.
        method: 'gzip', 'bz2' or 'xz'.

    Returns:
        bytes of the compressed file, its header included.

    Raises:
        ValueError: the method is unknown, or the data are larger than the largest dictionary of xz.

    Source: Deutsch 1996, RFC 1951 and 1952 (gzip); Burrows and Wheeler 1994, "A Block-sorting Lossless Data
    Compression Algorithm" (bz2); Ziv and Lempel 1977, with the coder of LZMA (xz); article 2.1.1.
    """
    if method == "gzip":
        return len(gzip.compress(data, compresslevel=9, mtime=0))
    if method == "bz2":
        return len(bz2.compress(data, compresslevel=9))
    if method == "xz":
        return len(_xz(data))
    raise ValueError(f"method={method!r} is not one of {', '.join(COMPRESSORS)}")


def compressed_bits_per_byte(held_out: str | bytes, method: str, train: str | bytes = b"") -> float:
    """Bits that a compressor needs per byte of a held-out text, alone or primed with a training text.

        alone:   8 * size(held_out) / len(held_out)
        primed:  8 * (size(train + held_out) - size(train)) / len(held_out)

    The difference counts what the held-out text adds to the file. A header is in both sizes and so drops out
    when primed; alone, it is charged to the text.

    Args:
        held_out: the text to measure on; a str is taken as UTF-8.
        method: 'gzip', 'bz2' or 'xz'; how far back each can look is told at the head of this module.
        train: the text that the compressor reads first; leave it empty to measure the compressor alone.

    Returns:
        bits per byte of the held-out text.

    Raises:
        ValueError: the held-out text is empty, or as for `compressed_size`.

    Source: Delétang et al. 2024, "Language Modeling Is Compression" (compressors beside
    models); Cilibrasi and Vitányi 2005, "Clustering by Compression" (the difference); article 2.1.1.
    """
    held_out, train = _bytes(held_out), _bytes(train)
    if not held_out:
        raise ValueError("the held-out text is empty: there is no byte to share the bits among")
    before = compressed_size(train, method) if train else 0
    return 8 * (compressed_size(train + held_out, method) - before) / len(held_out)


def _xz(data: bytes) -> bytes:
    """The .xz file of the data. Preset 9 alone would take 674 MiB of memory, for a dictionary of 64 MiB."""
    if len(data) > MAX_XZ_DICTIONARY:
        raise ValueError(
            f"{len(data)} bytes are more than the {MAX_XZ_DICTIONARY} of the largest dictionary of xz:"
            " take a shorter text"
        )
    dictionary = 2 ** max(12, (len(data) - 1).bit_length())  # the smallest power of two that holds the data
    preset = {
        "id": lzma.FILTER_LZMA2,
        "preset": 9 | lzma.PRESET_EXTREME,
        "dict_size": min(dictionary, MAX_XZ_DICTIONARY),
    }
    return lzma.compress(data, format=lzma.FORMAT_XZ, filters=[preset])


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)
