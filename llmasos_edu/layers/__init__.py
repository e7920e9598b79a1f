"""What chapter 4 builds: attention, its cache, positions, transformer layers, routing and mixtures."""
