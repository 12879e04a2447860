"""Training: from folders of paintings to a run, ``runs/NAME/``.

One way through: `bundle.catalogue` reads the folders, `dataset` labels the paintings and splits them,
`recipes` says what to train, `networks` builds it, `fitting` trains it (resumable after a kill),
`calibration` turns its scores into probabilities, `evaluation` measures it, and `run` is the folder
that holds all of this. No module here imports TensorFlow: Keras 3 runs on any of its backends.
"""
