"""Text as numbers: tokenizers, counting models and compressors to compare with (section 2.1)."""
