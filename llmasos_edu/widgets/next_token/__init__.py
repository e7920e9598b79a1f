"""The next-token explorer: its data, its drawing and its words."""
