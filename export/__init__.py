"""Export: from a run to a bundle that has passed its gates.

`pipeline` goes through it. `variants` has every file in one table; for ONNX, `network` converts the Keras network,
`quantization` rounds it for one of `targets`, with some ranges made smaller by `narrowing`, and `graph` appends head
and calibration; `lite` does the same for TFLite, `qat` trains for int8. `judges` are the pictures that variants are
chosen by. Where int8 costs too much, `bounding` and `equalisation` change the network, and `search` looks for layers to
leave in float. `inspection` looks into the files, `gates` refuse what is not right, `card` and `report` say what came
of it. `choice` finds the run to export; `verification` and `signing` are commands of their own.
"""

import os

# ONNX Runtime, from 1.29 on, writes an identifier of this machine to its user's folder and sends figures to its maker,
# unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
