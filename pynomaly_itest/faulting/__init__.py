"""Breaking things on purpose: what a fault may touch, and a witness who tells what became of what was promised."""
