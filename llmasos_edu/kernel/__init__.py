"""A kernel that serves many conversations on one model (chapters 2.2 and 2.3).

`kernel.py` is the loop; a file each for process, memory, scheduling, admission, system calls and drivers.
"""
