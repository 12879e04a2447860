"""``report.html``: sizes, accuracy and parity of a bundle's files as plots, in one file that needs no other."""

from __future__ import annotations

import io
from html import escape

import bundle

_STYLE = """
body { font: 16px/1.5 Georgia, serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; color: #222 }
h1, h2 { font-weight: normal } table { border-collapse: collapse; font-size: 14px; width: 100% }
td, th { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: right }
td:first-child, th:first-child { text-align: left } svg { width: 100%; height: auto }
"""


def page(manifest: bundle.Manifest) -> str:
    """The whole page."""
    rows = "".join(
        f"<tr><td>{escape(file.path)}</td><td>{file.size_bytes / 1e6:.1f}</td>"
        f"<td>{escape(file.target or 'any')}</td><td>{_accuracy(file)}</td>"
        f"<td>{file.parity['top1_agreement']:.1%}</td><td>{file.parity['logits_max_difference']:.2g}</td>"
        f"<td>{file.parity['logits_mean_difference']:.2g}</td><td>{_left_in_float(file)}</td></tr>"
        for file in manifest.files
    )
    title = escape(f"{manifest.name}: what each file gives")
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><p>Recipe {escape(manifest.recipe)}, run {escape(manifest.run)}, input"
        f" {manifest.input_size} pixels. Accuracy is of the published split's test pictures, with its 95 % Wilson"
        " interval; parity is against the Keras network on the same pictures. Speed is not here: it is a matter of"
        " the machine, and <code>make bench</code> measures it on yours.</p>"
        f"{_plots(manifest)}<h2>Figures</h2><table><tr><th>file</th><th>MB</th><th>made for</th><th>accuracy</th>"
        "<th>same answer</th><th>greatest difference of a logit</th><th>mean difference</th><th>layers in float</th>"
        f"</tr>{rows}</table></html>\n"
    )


def _accuracy(file: bundle.ModelFile) -> str:
    test = file.metrics.published_test
    return f"{test.accuracy}" if test else "-"


def _left_in_float(file: bundle.ModelFile) -> str:
    return str(len(file.quantization.float_layers)) if file.quantization else "-"


def _plots(manifest: bundle.Manifest) -> str:
    """Three bar charts side by side, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    files = manifest.files
    places = list(range(len(files)))
    figure = Figure(figsize=(11, 1.6 + 0.34 * len(files)), layout="constrained")
    size, accuracy, parity = figure.subplots(1, 3, sharey=True)
    by_format = {"onnx": "#7a5c2e", "tflite": "#2e5c7a", "keras": "#5c7a2e"}
    colours = [by_format[file.format] for file in files]
    size.barh(places, [file.size_bytes / 1e6 for file in files], color=colours)
    size.set_xlabel("size, MB")
    size.set_yticks(places, [file.path for file in files])
    size.invert_yaxis()
    for place, file, colour in zip(places, files, colours, strict=True):
        if test := file.metrics.published_test:
            low, high = test.accuracy.interval
            accuracy.plot([100 * low, 100 * high], [place, place], color=colour)
            accuracy.plot([100 * test.accuracy.rate], [place], "o", color=colour)
    accuracy.set_xlabel("accuracy on the test pictures, %")
    parity.barh(places, [file.parity["logits_mean_difference"] for file in files], color=colours)
    parity.set_xscale("log")
    parity.set_xlabel("mean difference of logits from Keras")
    for axes in (size, accuracy, parity):
        axes.spines[["top", "right"]].set_visible(False)
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": manifest.name, "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
