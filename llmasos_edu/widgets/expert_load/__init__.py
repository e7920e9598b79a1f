"""The expert load explorer: its data, its drawing and its words."""
