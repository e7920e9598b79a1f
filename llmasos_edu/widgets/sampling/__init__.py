"""The sampling explorer: rules of choice, their order, its drawing and its words."""
