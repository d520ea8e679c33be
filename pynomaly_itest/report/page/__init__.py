"""The parts of the HTML page: geometry of its plots, what its templates are given, and the templates."""
