"""What all explorers share: the host page, the shared JavaScript and style."""
