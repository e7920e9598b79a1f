"""Conversations (chapter 6.1): a grammar with exact truth, real tools behind system calls, an assistant.

`lexicon.py` has the words, `grammar.py` the conversations, `template.py` their form in tokens; `desk.py` the
database, the calendar and the notes; `assistant.py` holds a conversation on the kernel. `backend.py` lets
another engine answer, and `command.py` is a terminal for both.
"""
