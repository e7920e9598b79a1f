"""How an answer is judged: in a process of its own, with words for what is wrong."""
