"""Still pictures in the book's look, one module a family."""
