"""The memory map: a kernel's blocks, whose they are, step by step."""
