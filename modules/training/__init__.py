"""Training of models, each recipe in a package of its own."""
