"""What the platform is about: entities, errors and ports. Standard library and numpy only."""
