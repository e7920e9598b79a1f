"""Explorer of section 6.1: a conversation, and beside it every system call with the right that it needed."""
