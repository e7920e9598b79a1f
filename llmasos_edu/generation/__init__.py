"""Choosing the next token, again and again: sampling rules and the lean decoding step."""
