"""The loop that trains all models of the book, its optimizers, checkpoints and the loss of the next token."""
