"""The library beside the book: one module per idea, named as the section that teaches it."""

__version__ = "0.1.0"
