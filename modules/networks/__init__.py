"""From a weights file to the three networks of a checkpoint: text encoders, U-Net, VAE.

`weights` reads files, `detect` says what they are, `keymaps` translates names, `build` makes the
modules, `model` is what the engine talks to, `models` keeps the loaded ones. `adapters` and
`hypernetworks` change a loaded model and leave no trace when they go.
"""
