"""The report on the reproduction: from finished runs to ``docs/reproduction.md`` and a web page.

The figures go one way only: `reading` takes finished runs from disk, `results` computes every figure
and gives one JSON-like dict, and all the rest (`findings`, `chapters`, `figures`, `document`) knows that
dict alone. So the document can be made again from ``docs/results/reproduction.json`` without any run.
On the way there `keeping` adds what an earlier report has of recipes that were trained on another machine,
and `comparisons` compares any two by what the dict says of single pictures.
"""
