"""Whole models, and other people's weights in them (chapter 5)."""
