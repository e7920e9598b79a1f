"""The gradient plane explorer: its data, its drawing and its words."""
