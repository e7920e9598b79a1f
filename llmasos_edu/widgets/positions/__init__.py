"""The positions explorer: its data, its drawing and its words."""
