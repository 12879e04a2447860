"""Export: from a run to a bundle that has passed its gates.

`network` converts the Keras network, `graph` appends head and calibration, `quantization` makes the int8
variants, `gates` refuses what is not right, `card` writes the model card, `publish` replaces a bundle whole,
and `pipeline` goes through them in this order.
"""
