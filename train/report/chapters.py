"""What the report says, as chapters of plain blocks, from the results alone.

`document` renders the same chapters as Markdown and as a web page. Texts may hold `code` in backticks
and **emphasis**; a line break in a cell of a table is a line break on paper.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from train.report.figures import Figure, figures
from train.report.findings import findings, quote

NOT_RUN = "not run"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Plots:
    """Figures, one below the other."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Heading:
    """A heading within a chapter."""

    text: str


@dataclass(frozen=True)
class Mistakes:
    """Wrong answers of one run, by file name."""

    title: str
    mistakes: tuple[Mapping[str, Any], ...]


Block = Text | Items | Table | Plots | Heading | Mistakes


@dataclass(frozen=True)
class Chapter:
    """A part of the report; `anchor` is its address, `short` its name in the navigation."""

    anchor: str
    short: str
    title: str
    blocks: tuple[Block, ...]


def chapters(results: Mapping[str, Any]) -> list[Chapter]:
    """The whole report."""
    drawn = {name: (Plots(tuple(of)),) if of else () for name, of in figures(results).items()}
    return [
        Chapter("findings", "Findings", "What was found", tuple(_findings(results))),
        Chapter(
            "published", "Published table", "Beside the published table", (*_published(results), *drawn["accuracy"])
        ),
        Chapter(
            "silent", "Contradictions", "What the published work contradicts or leaves silent", tuple(_silent(results))
        ),
        Chapter("unseen", "Unseen artists", "Artists never trained on", (*_unseen(results), *drawn["unseen"])),
        Chapter("none", "None of the six", "Pictures of none of the six styles", tuple(_open_set(results))),
        Chapter("ablation", "Kiosk's recipe", "What each part of the kiosk's recipe gives", tuple(_ablation(results))),
        Chapter("folds", "Cross-validation", "Cross-validation", tuple(_folds(results))),
        Chapter(
            "confusion", "Confusion", "Confusion matrices", drawn["confusion"] or (Text("No run has test pictures."),)
        ),
        Chapter("calibration", "Calibration", "Calibration", (*_calibration(results), *drawn["reliability"])),
        Chapter("mistakes", "Mistakes", "Worst mistakes", tuple(_mistakes(results))),
        Chapter("training", "Training", "Training", (*_training(results), *drawn["learning"])),
    ]


def _findings(results: Mapping[str, Any]) -> list[Block]:
    found = findings(results)
    overview = Table(("question", "answer"), tuple((finding.question, finding.verdict) for finding in found))
    details: list[Block] = []
    for finding in found:
        details += [Heading(finding.question), Items(finding.sentences)]
    words = (
        "Every sentence is chosen by the figures of `results/reproduction.json`. A difference is called one where"
        " the two-sided p is below 0.05; p is not corrected for the number of comparisons. Ranges in brackets are"
        " 95 % Wilson intervals unless said otherwise."
    )
    return [Text(words), overview, *details]


def _ablation(results: Mapping[str, Any]) -> list[Block]:
    ablation = results.get("ablation")
    if not ablation:
        return [Text('Not measured: `python -m train ablate --data "FOLDER" "FOLDER" --photos FOLDER` does it.')]
    variants = ablation["variants"]
    whole = variants["the recipe"]["unseen_mean_recall"]
    rows = []
    for name, found in variants.items():
        change = "" if name == "the recipe" else f"{100 * (found['unseen_mean_recall'] - whole):+.1f}"
        groups = ", ".join(_rate(value) for value in found["groups"])
        rows.append(
            (
                name,
                _rate(found["unseen_mean_recall"]),
                change,
                groups,
                _rate(found["published_accuracy"]),
                "-" if found["other_styles_auroc"] is None else f"{found['other_styles_auroc']:.3f}",
                _rate(found["photographs_called_a_style"]),
                _rate(found.get("photographed_unseen_mean_recall")),
                _rate(found.get("photographed_published_accuracy")),
            )
        )
    words = (
        f"Each variant is the recipe `kiosk` with one choice undone, fitted on the same frozen features (float), and"
        f" judged on {ablation['groups']} disjoint groups of artists, each held out in turn. Mean recall over the"
        " styles is of all groups together; beside it that of each group, which not every style reaches in equal"
        " numbers. A point more or less is within what another division of the artists would change. Photographed: the"
        " same pictures as a camera gives them, drawn by `train.photography`."
    )
    header = (
        "variant",
        "mean recall, unseen artists",
        "change, points",
        "by group",
        "published split",
        "AUROC, other styles",
        "photographs called a style",
        "unseen artists, photographed",
        "published split, photographed",
    )
    return [Text(words), Table(header, tuple(rows)), Text("Made by `python -m train ablate`.")]


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _tested(results: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]:
    """Recipe, headline run and its scores on the test pictures."""
    runs = {run["run"]: run for run in results["runs"]}
    heads = [(recipe, runs[recipe["headline"]]) for recipe in results["recipes"] if recipe["headline"]]
    return [(recipe, run, run["sets"]["test"]) for recipe, run in heads if "test" in run["sets"]]


def _absence(recipe: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Why a recipe has no figures: the note that was given, else what is known."""
    if recipe["headline"]:
        return f"`{recipe['headline']}` has no test pictures"
    if recipe["note"]:
        return f"{NOT_RUN}: {recipe['note']}"
    for run in results["left_out"]:
        if run["recipe"] == recipe["recipe"]:
            return f"{NOT_RUN}: `{run['run']}` is left out, {run['reason']}"
    if recipe["unseen_artists"] or recipe["cross_validation"]:
        return "only with artists held out or in folds: see below"
    return f"{NOT_RUN}: no finished run"


def _published(results: Mapping[str, Any]) -> list[Block]:
    published = {row["recipe"]: row for row in results["published"]["rows"]}
    sizes = results["published"]["test_pictures"]
    earlier = results["published"]["earlier"]
    scores = {recipe["recipe"]: test for recipe, _, test in _tested(results)}
    overall = []
    for recipe in results["recipes"]:
        ours, row = scores.get(recipe["recipe"]), published.get(recipe["recipe"])
        stated = f"{row['accuracy']:.1%} ({row['source']})" if row else "-"
        before = f"{earlier[recipe['recipe']]:.1%}" if recipe["recipe"] in earlier else "-"
        if ours:
            values = (
                quote(ours["accuracy"]),
                f"{ours['macro_f1']:.3f}",
                f"{ours['balanced_accuracy']:.1%}",
            )
        else:
            values = (_absence(recipe, results), "-", "-")
        overall.append((recipe["title"], stated, before, *values))
    blocks: list[Block] = [
        Text(
            "Accuracy on the test pictures of the published split. Mean recall is the unweighted mean over the styles"
            " (balanced accuracy). The earlier project had five styles and 231 test pictures."
        ),
        Table(
            ("recipe", "published", "earlier project", "ours (95 % interval)", "macro-F1", "mean recall"),
            tuple(overall),
        ),
    ]
    if scores:
        # Recipes of several machines may have been tested on sets of several sizes.
        same = all(
            ours["recall"].get(style, {}).get("total") == n for ours in scores.values() for style, n in sizes.items()
        )
        pictures = " or ".join(map(str, sorted({ours["pictures"] for ours in scores.values()})))
        blocks.append(
            Text(
                "Our test set has as many pictures of each style as the published one, but which pictures those were is"
                " not published."
                if same
                else f"Our test set has {pictures} pictures, the published one {sum(sizes.values())}, or"
                " other shares of the styles: see the counts below."
            )
        )
    order = [style for style in sizes if style in results["styles"]]
    order += [style for style in results["styles"] if style not in sizes]
    rows = []
    for recipe in results["recipes"]:
        row, ours = published.get(recipe["recipe"]), scores.get(recipe["recipe"])
        if row and row["correct"]:
            cells = [_share(row["correct"].get(style), sizes.get(style)) for style in order]
            cells.append(_share(sum(row["correct"].values()), sum(sizes.values())))
            rows.append((f"{row['title']}, published", *cells))
        if ours:
            cells = [_cell(ours["recall"][style]) for style in order]
            rows.append((f"**{recipe['title']}, ours**", *cells, _cell(ours["accuracy"])))
    blocks += [Heading("By style"), Table(("recipe", *order, "all"), tuple(rows))]
    noted = [f"{recipe['title']}: {recipe['note']}" for recipe, *_ in _tested(results) if recipe["note"]]
    if noted:
        blocks.append(Items(tuple(noted)))
    return blocks


def _cell(count: Mapping[str, Any]) -> str:
    if not count["total"]:
        return "-"
    return (
        f"{count['correct']}/{count['total']} = {count['rate']:.1%}\n({100 * count['low']:.0f} to"
        f" {100 * count['high']:.0f}%)"
    )


def _share(correct: int | None, total: int | None) -> str:
    return f"{correct}/{total} = {correct / total:.1%}" if correct is not None and total else "-"


def _silent(results: Mapping[str, Any]) -> list[Block]:
    published = {row["recipe"]: row for row in results["published"]["rows"]}
    sizes = results["published"]["test_pictures"]
    recipes = {recipe["recipe"]: recipe for recipe in results["recipes"]}
    of = sum(sizes.values())

    def ours(name: str) -> str:
        summary = recipes.get(name, {}).get("summary")
        return f' Ours, in the words of the recipe: "{summary}".' if summary else " We have no run of it."

    items = [
        "**128 filters, once or twice?** The text has stages of 32, 64 and 128 filters, the author's code has the 128"
        f" twice.{ours('cnn')}",
        "**The copied row.** The row of the weighted ResNet50 repeats the CNN's, by mistake; the author's notes have"
        f" about {published['resnet50_weighted']['accuracy']:.0%}, which is what we compare with.",
    ]
    for row in published.values():
        if row["correct"]:
            right = sum(row["correct"].values())
            if abs(right / of - row["accuracy"]) > (0.0101 if "approximate" in row["source"] else 0.0051):
                items.append(
                    f"**{row['title']}**: the row adds up to {right}/{of} = {right / of:.1%}, stated are"
                    f" {row['accuracy']:.1%} ({row['source']})."
                )
    rare, n = min(sizes.items(), key=lambda item: item[1])
    commonest, most = max(sizes.items(), key=lambda item: item[1])
    items += [
        f"**NaN** stands where no picture of a style was predicted right: it is 0, and with {n} test pictures of {rare}"
        f" one picture is {100 / n:.0f} points.",
        f"**No interval is given.** Always answering {commonest} gives {most}/{of} = {most / of:.1%}.",
        "**Silent**: which pictures the test set holds, the seed, how often a training was repeated, optimiser and"
        " learning rates of most networks, whether duplicates were removed before splitting, what the network says of"
        " pictures of none of the styles, and how it does on artists that it was not trained on (four of the six styles"
        " are one artist each).",
    ]
    return [Items(tuple(items))]


def _unseen(results: Mapping[str, Any]) -> list[Block]:
    found = [(recipe, recipe["unseen_artists"]) for recipe in results["recipes"] if recipe["unseen_artists"]]
    if not found:
        return [Text("It cannot be said here, because no run held artists out; `make hold-outs` makes such runs.")]
    rows = []
    for recipe, facts in found:
        pooled, over = facts["pooled"], facts["over_groups"]
        rows.append(
            (
                recipe["title"],
                f"{over['accuracy']['n']} of {facts['groups']}",
                str(facts["artists"]),
                quote(pooled["accuracy"]),
                f"{pooled['balanced_accuracy']:.1%}",
                _spread(over["accuracy"]),
                _spread(over["balanced_accuracy"]),
                f"{pooled['macro_f1']:.3f}",
                f"{pooled['ece_after']:.1%}",
            )
        )
    blocks: list[Block] = [
        Text(
            "Artists are dealt into disjoint groups; each group is left out of one training altogether and judged by"
            " that network. Counts are pooled over the groups; mean and standard deviation are over the groups."
            " Pictures by one artist resemble each other, and the intervals count each for itself: for other artists"
            " yet they are too narrow."
        ),
        Table(
            (
                "recipe",
                "groups",
                "artists",
                "accuracy, pooled",
                "mean recall, pooled",
                "accuracy by group",
                "mean recall by group",
                "macro-F1",
                "ECE",
            ),
            tuple(rows),
        ),
    ]
    styles = results["styles"]
    by_style = tuple(
        (recipe["title"], *(_cell(facts["pooled"]["recall"][style]) for style in styles)) for recipe, facts in found
    )
    return [*blocks, Heading("By style, pooled"), Table(("recipe", *styles), by_style)]


def _spread(over: Mapping[str, Any]) -> str:
    if over["standard_deviation"] is None:
        return f"{over['mean']:.1%}"
    return f"{over['mean']:.1%} ± {100 * over['standard_deviation']:.1f}"


def _open_set(results: Mapping[str, Any]) -> list[Block]:
    rows = []
    names = {"other_styles": "paintings of other styles", "not_paintings": "photographs, no painting"}
    runs = {run["run"]: run for run in results["runs"]}
    for recipe in results["recipes"]:
        sources = []
        if recipe["unseen_artists"]:
            sources.append((recipe["unseen_artists"]["open_set"], "artists held out, pooled"))
        if recipe["headline"]:
            sources.append((runs[recipe["headline"]]["open_set"], "published split"))
        for open_set, where in sources:
            for key, name in names.items():
                if open_set and key in open_set:
                    scores = open_set[key]
                    rows.append(
                        (
                            recipe["title"],
                            f"{name}\n({where})",
                            f"{scores['auroc']:.3f}",
                            f"{scores['fpr95']:.1%}",
                            quote(scores["refused"]),
                            quote(scores["accepted"]),
                        )
                    )
    if not rows:
        return [Text("It cannot be said here, because no run has pictures of none of the styles that it could refuse.")]
    words = (
        "AUROC is the chance that a picture of one of the styles has the higher `known` than one of none (0.5 is"
        " guessing); FPR95 the share of pictures of none that pass where 95 % of those of the styles do. Rows of the"
        " published split rest on validation pictures where there are no others: on them the threshold was fitted."
    )
    header = ("recipe", "pictures", "AUROC", "FPR95", "refused of none", "accepted of the styles")
    return [Text(words), Table(header, tuple(rows))]


def _folds(results: Mapping[str, Any]) -> list[Block]:
    found = [(recipe, recipe["cross_validation"]) for recipe in results["recipes"] if recipe["cross_validation"]]
    if not found:
        return [Text("It cannot be said here, because no recipe was cross-validated.")]
    measures = ("accuracy", "balanced_accuracy", "ece_before", "ece_after")
    rows = tuple(
        (
            recipe["title"],
            f"{facts['over_folds']['accuracy']['n']} of {facts['folds']}",
            quote(facts["pooled"]["accuracy"]),
            *(_mean(facts["over_folds"][name]) for name in measures),
            f"{facts['pooled']['ece_before']:.1%}",
            f"{facts['pooled']['ece_after']:.1%}",
        )
        for recipe, facts in found
    )
    styles = results["styles"]
    by_style = []
    for recipe, facts in found:
        by_style.append((f"{recipe['title']}, pooled", *(_cell(facts["pooled"]["recall"][style]) for style in styles)))
        means = [facts["over_folds"]["recall"][style] for style in styles]
        by_style.append((f"{recipe['title']}, mean of folds", *(_mean(mean) if mean else "-" for mean in means)))
    return [
        Text(
            "Counts are pooled over the folds, so that each picture is judged once, by a network that did not train on"
            " it. Means are over the folds, with the 95 % interval of Student's t. An expected calibration error of few"
            " pictures is too high, because chance alone makes bins deviate: the pooled one is the one to go by."
        ),
        Table(
            (
                "recipe",
                "folds",
                "accuracy, pooled",
                "accuracy, by fold",
                "mean recall",
                "ECE before",
                "ECE after",
                "ECE before, pooled",
                "ECE after, pooled",
            ),
            rows,
        ),
        Heading("Recall by style"),
        Table(("recipe", *styles), tuple(by_style)),
    ]


def _mean(over: Mapping[str, Any]) -> str:
    if over["low"] is None:
        return f"{over['mean']:.1%}"
    return f"{over['mean']:.1%}\n({100 * over['low']:.1f} to {100 * over['high']:.1f}%)"


def _calibration(results: Mapping[str, Any]) -> list[Block]:
    rows = tuple(
        (recipe["title"], f"{run['temperature']:.2f}", f"{test['ece_before']:.1%}", f"{test['ece_after']:.1%}")
        for recipe, run, test in _tested(results)
    )
    if not rows:
        return [Text("It cannot be said here, because there is no run on the published split.")]
    words = (
        "The temperature is fitted on validation pictures; the expected calibration error (15 bins) is of the published"
        " test pictures, before (temperature 1) and after. In the diagrams the area of a point is its share of the"
        " pictures."
    )
    return [Text(words), Table(("recipe", "temperature", "ECE before", "ECE after"), rows)]


def _mistakes(results: Mapping[str, Any]) -> list[Block]:
    found = [
        Mistakes(recipe["title"], tuple(run["mistakes"])) for recipe, run, _ in _tested(results) if run.get("mistakes")
    ]
    if not found:
        return [Text("There are none: no run, or no wrong answer.")]
    words = "The wrong answers on the published test pictures with the highest calibrated confidence, by file name."
    return [Text(words), *found]


def _training(results: Mapping[str, Any]) -> list[Block]:
    heads = {recipe["headline"]: recipe for recipe in results["recipes"] if recipe["headline"]}
    rows, further = [], []
    for recipe in results["recipes"]:
        for name, run in ((run["run"], run) for run in results["runs"] if run["recipe"] == recipe["recipe"]):
            if name in heads:
                rows.append(_training_row(recipe["title"], name, run))
            elif name in recipe["further"]:
                test = run["sets"].get("test")
                further.append((f"`{name}`", run["kind"], quote(test["accuracy"]) if test else "-", _device(run)))
        for key, what in (("unseen_artists", "groups of artists held out"), ("cross_validation", "folds")):
            facts = recipe[key]
            if facts:
                taken = _duration(facts["seconds"]) if facts["seconds"] is not None else "-"
                named = f"{len(facts['runs'])} {what}"
                rows.append((recipe["title"], named, taken, ", ".join(facts["devices"]) or "-", "-", "-", "-"))
    blocks: list[Block] = []
    if rows:
        header = ("recipe", "run", "time", "device", "epochs", "trained on", "started from")
        blocks.append(Table(header, tuple(rows)))
    stopped = tuple(f"`{run['run']}` stopped early: {run['stopped_early']}" for run in _with(results, "stopped_early"))
    if stopped:
        blocks.append(Items(stopped))
    if further:
        blocks += [
            Heading("Further runs of the same recipes"),
            Table(("run", "kind", "accuracy on its test", "device"), tuple(further)),
        ]
    if results["left_out"]:
        lines = tuple(f"`{run['run']}`: {run['reason']}" for run in results["left_out"])
        blocks += [Heading("Runs left out"), Items(lines)]
    return blocks


def _with(results: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    return [run for run in results["runs"] if run.get(key)]


def _training_row(title: str, name: str, run: Mapping[str, Any]) -> tuple[str, ...]:
    energy = f"\n{run['energy_joules'] / 3.6e6:.3f} kWh" if run.get("energy_joules") is not None else ""
    pictures = run["trained_on"]
    trained = f"{pictures['published']} published"
    if pictures["further"]:
        trained += f"\n+ {pictures['further']} further"
    if pictures["none"]:
        trained += f"\n+ {pictures['none']} of no style"
    start = run.get("started_from") or run.get("weights_from") or "-"
    taken = _duration(run["seconds"]) if run.get("seconds") is not None else "-"
    return (title, f"`{name}`", taken + energy, _device(run), str(run.get("epochs_run", "-")), trained, start)


def _device(run: Mapping[str, Any]) -> str:
    return str(run.get("device") or "not recorded")


def _duration(seconds: float) -> str:
    """``1:02:03``; ``0:00:07``"""
    return str(datetime.timedelta(seconds=round(seconds)))
