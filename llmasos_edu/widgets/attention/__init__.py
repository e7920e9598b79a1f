"""The attention explorer: its data, its drawing and its words."""
