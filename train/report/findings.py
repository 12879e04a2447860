"""What the figures say, in words: every sentence is chosen by computed values, none is written beforehand.

A question that the runs cannot answer is answered with "cannot be said here" and the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import fisher_exact

from train.report.comparisons import CROSS_VALIDATION, PUBLISHED_SPLIT, answers

SIGNIFICANT = 0.05
"""Two-sided p below which a difference is called one; not corrected for the number of comparisons."""

FEW_MISTAKES = 5
"""With fewer wrong answers than this, where they go says nothing about where they tend to go."""

CANNOT = "cannot be said here"


@dataclass(frozen=True)
class Finding:
    """A question, the answer in a word or two, and the figures that it rests on."""

    question: str
    verdict: str
    sentences: tuple[str, ...]


def findings(results: Mapping[str, Any]) -> list[Finding]:
    """All questions, in the order of the report."""
    figures = _Figures(results)
    return [
        _reproduced(figures),
        _better_than_one_answer(figures),
        _weights(figures),
        _fine_tuning(figures),
        _abstract(figures),
        _artists(figures),
        _best(figures),
        _calibration(figures),
        _split(figures),
        _repeated(figures),
    ]


def quote(count: Mapping[str, Any]) -> str:
    """``212/230 = 92.2% (88.0% to 95.0%)``"""
    if not count["total"]:
        return "none measured"
    return f"{count['correct']}/{count['total']} = {count['rate']:.1%} ({count['low']:.1%} to {count['high']:.1%})"


def p_value(p: float) -> str:
    """``p = 0.031``, ``p < 0.001``"""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


class _Figures:
    """The results, with look-ups by name."""

    def __init__(self, results: Mapping[str, Any]):
        self.results = results
        self.recipes = {recipe["recipe"]: recipe for recipe in results["recipes"]}
        self.runs = {run["run"]: run for run in results["runs"]}
        self.published = {row["recipe"]: row for row in results["published"]["rows"]}

    def title(self, recipe: str) -> str:
        return self.recipes[recipe]["title"] if recipe in self.recipes else recipe

    def test(self, recipe: str) -> Mapping[str, Any] | None:
        """Scores of the recipe's headline run on the published test pictures."""
        name = self.recipes.get(recipe, {}).get("headline")
        return self.runs[name]["sets"].get("test") if name else None

    def tested(self) -> dict[str, Mapping[str, Any]]:
        found = {recipe: self.test(recipe) for recipe in self.recipes}
        return {recipe: scores for recipe, scores in found.items() if scores}

    def cross_validated(self, recipe: str) -> Mapping[str, Any] | None:
        return self.recipes.get(recipe, {}).get("cross_validation")

    def scores(self, recipe: str, on: str) -> Mapping[str, Any] | None:
        """Scores of the recipe on the published split, or pooled over its folds."""
        if on == PUBLISHED_SPLIT:
            return self.test(recipe)
        folds = self.cross_validated(recipe)
        return folds["pooled"] if folds else None

    def unrecorded(self, a: str, b: str, on: str) -> list[str]:
        """Those of two scored recipes of which it is not known which pictures they had wrong."""
        return [recipe for recipe in (a, b) if not answers(self.recipes[recipe], self.runs, on)]

    def compared(self, a: str, b: str, on: str) -> dict[str, Any] | None:
        """McNemar's test with `a` and `b` in this order."""
        for found in self.results["comparisons"]:
            if found["on"] == on and {found["a"], found["b"]} == {a, b}:
                if found["a"] == a:
                    return dict(found)
                return {
                    **found,
                    "a": a,
                    "b": b,
                    "right_a": found["right_b"],
                    "right_b": found["right_a"],
                    "only_a": found["only_b"],
                    "only_b": found["only_a"],
                }
        return None

    def missing(self, *recipes: str) -> str:
        """Why `recipes` were not compared on any split."""
        names = [self.title(r) for r in recipes if not self.test(r) and not self.cross_validated(r)]
        if not names:
            return f"{_list([self.title(recipe) for recipe in recipes])} were not tested on one split"
        return f"there is no run of {_list(names)}"


def _reproduced(figures: _Figures) -> Finding:
    question = "Are the published accuracies reproduced?"
    sentences, kinds = [], []
    for recipe, row in figures.published.items():
        ours = figures.test(recipe)
        if not ours:
            continue
        count = ours["accuracy"]
        if row["correct"]:
            right, of = sum(row["correct"].values()), sum(figures.results["published"]["test_pictures"].values())
            p = _fisher(count, {"correct": right, "total": of})
            different, theirs = p < SIGNIFICANT, f"{right}/{of} = {right / of:.1%}"
            how = f"Fisher's exact test, {p_value(p)}"
            higher = count["rate"] > right / of
        else:
            different = not count["low"] <= row["accuracy"] <= count["high"]
            theirs, higher = f"about {row['accuracy']:.0%} ({row['source']})", count["rate"] > row["accuracy"]
            how = f"the published value lies {'outside' if different else 'inside'} our interval"
        kind = ("higher" if higher else "lower") if different else "agrees"
        kinds.append(kind)
        said = {"agrees": "no difference that these pictures can show", "higher": "ours is higher"}.get(
            kind, "ours is lower"
        )
        sentences.append(f"{row['title']}: ours {quote(count)}, published {theirs}: {said} ({how}).")
    if not kinds:
        return Finding(question, CANNOT, ("It cannot be said here, because no published recipe was run.",))
    parts = [f"{kinds.count(kind)} {kind}" for kind in ("agrees", "higher", "lower") if kind in kinds]
    verdict = f"of {len(kinds)} repeated: {', '.join(parts)}".replace(" agrees", " as published")
    absent = [row["title"] for recipe, row in figures.published.items() if not figures.test(recipe)]
    if absent:
        sentences.append(f"Of {_list(absent)} nothing can be said here, because there is no run.")
    return Finding(question, verdict, tuple(sentences))


def _better_than_one_answer(figures: _Figures) -> Finding:
    question = "Is every network better than always giving the same answer?"
    tested = figures.tested()
    if not tested:
        return Finding(question, CANNOT, ("It cannot be said here, because there is no run.",))
    sentences, failed = [], []
    for recipe, scores in tested.items():
        style, commonest = max(scores["recall"].items(), key=lambda item: item[1]["total"])
        share = commonest["total"] / scores["pictures"]
        if scores["accuracy"]["low"] <= share:
            failed.append(recipe)
            sentences.append(
                f"{figures.title(recipe)} is not shown to be better than always answering {style} ({share:.1%}):"
                f" it has {quote(scores['accuracy'])}."
            )
    if not failed:
        sentences.append(f"All {len(tested)} are, with the lower end of their intervals.")
    verdict = f"no: {len(failed)} of {len(tested)} are not shown to be" if failed else "yes"
    return Finding(question, verdict, tuple(sentences))


def _differences(figures: _Figures, a: str, b: str, better: str, worse: str) -> tuple[list[str], list[str]]:
    """Whether `b` is better than `a`, on each split where both were tested: sentences, and verdicts of
    ``better``, ``worse`` or ``same``. No sentence where they have no split in common."""
    words = {"better": better, "worse": worse, "same": "a difference is not shown"}
    sentences, verdicts = [], []
    for on in (PUBLISHED_SPLIT, CROSS_VALIDATION):
        if not (figures.scores(a, on) and figures.scores(b, on)):
            continue
        if figures.compared(a, b, on):
            sentence, verdict = _by_picture(figures, a, b, on, words)
        elif figures.unrecorded(a, b, on):
            sentence, verdict = _by_counts(figures, a, b, on, words)
        else:
            both = f"{figures.title(a)} and {figures.title(b)}"
            sentences.append(f"{both} were tested on different pictures {_where(on)}, and are not compared there.")
            continue
        sentences.append(sentence)
        verdicts.append(verdict)
    return sentences, verdicts


def _by_picture(figures: _Figures, a: str, b: str, on: str, words: Mapping[str, str]) -> tuple[str, str]:
    """Sentence and verdict of two recipes of which it is known which pictures each had right."""
    found = figures.compared(a, b, on)
    n = found["pictures"]
    verdict = "same" if found["p"] >= SIGNIFICANT else "better" if found["only_b"] > found["only_a"] else "worse"
    pictures = f"the {n} shared test pictures" if on == PUBLISHED_SPLIT else f"{n} pictures in cross-validation"
    sentence = (
        f"{figures.title(a)} against {figures.title(b)}, on {pictures}: {found['right_a'] / n:.1%} and"
        f" {found['right_b'] / n:.1%}; {found['only_a']} right by the first alone, {found['only_b']} by the second"
        f" alone (McNemar's exact test, {p_value(found['p'])}): {words[verdict]}."
    )
    return sentence, verdict


def _by_counts(figures: _Figures, a: str, b: str, on: str, words: Mapping[str, str]) -> tuple[str, str]:
    """The same where it is not known of both: two counts can still be compared, as if of different pictures."""
    of_a, of_b = (figures.scores(recipe, on)["accuracy"] for recipe in (a, b))
    p = _fisher(of_a, of_b)
    verdict = "same" if p >= SIGNIFICANT else "better" if of_b["rate"] > of_a["rate"] else "worse"
    unrecorded = _list([figures.title(recipe) for recipe in figures.unrecorded(a, b, on)])
    sentence = (
        f"{figures.title(a)} against {figures.title(b)}, {_where(on)}: {quote(of_a)} and {quote(of_b)}. Which pictures"
        f" {unrecorded} had wrong is not recorded, so these counts alone are compared (Fisher's exact test,"
        f" {p_value(p)}): {words[verdict]}."
    )
    return sentence, verdict


def _where(on: str) -> str:
    return "on the published split" if on == PUBLISHED_SPLIT else "in cross-validation"


def _weights(figures: _Figures) -> Finding:
    question = "Do class weights hurt?"
    sentences, verdicts = [], []
    for plain, weighted in (("cnn", "cnn_weighted"), ("resnet50", "resnet50_weighted")):
        said, found = _differences(figures, plain, weighted, "the weights help", "the weights hurt")
        sentences += said
        verdicts += found
        without, having = figures.test(plain), figures.test(weighted)
        if without and having:
            old, new = without["balanced_accuracy"], having["balanced_accuracy"]
            word = "rises" if new > old else "falls" if new < old else "stays"
            sentences.append(
                f"The mean recall over the styles, which is what weights are for, {word} from {old:.1%} to {new:.1%}."
            )
        elif not said:
            sentences.append(
                f"For {figures.title(plain)} it cannot be said here, because {figures.missing(plain, weighted)}."
            )
    row = figures.published
    if row["cnn"]["correct"] and row["cnn_weighted"]["correct"]:
        old, new = (sum(row[name]["correct"].values()) for name in ("cnn", "cnn_weighted"))
        sentences.append(f"In the published table they cost the CNN {old - new} of {old} right answers.")
    return Finding(question, _verdict(verdicts, "no, they help", "yes"), tuple(sentences))


def _fine_tuning(figures: _Figures) -> Finding:
    question = "Does fine-tuning beat the frozen backbone?"
    a, b = "resnet50_pretrained", "resnet50_fine_tuned"
    sentences, verdicts = _differences(figures, a, b, "fine-tuning is better", "fine-tuning is worse")
    if not sentences:
        sentences.append(f"It cannot be said here, because {figures.missing(a, b)}.")
    frozen, tuned = figures.test(a), figures.test(b)
    if frozen and tuned:
        apart = (
            frozen["accuracy"]["high"] < tuned["accuracy"]["low"]
            or tuned["accuracy"]["high"] < frozen["accuracy"]["low"]
        )
        sentences.append(
            f"Their intervals {'do not overlap' if apart else 'overlap'}: {quote(frozen['accuracy'])} and"
            f" {quote(tuned['accuracy'])}."
        )
    old, new = (figures.published[name]["correct"] for name in (a, b))
    if old and new:
        sentences.append(
            f"The published difference is {sum(new.values()) - sum(old.values())} of"
            f" {sum(figures.results['published']['test_pictures'].values())} pictures."
        )
    return Finding(question, _verdict(verdicts, "yes", "no, it is worse"), tuple(sentences))


def _abstract(figures: _Figures) -> Finding:
    question = "Is Abstract Expressionism taken for Cubism and Impressionism?"
    style, suspects = "Abstract Expressionism", ("Cubism", "Impressionism")
    styles = figures.results["styles"]
    if style not in styles or any(suspect not in styles for suspect in suspects):
        return Finding(question, CANNOT, ("It cannot be said here: the runs have other styles.",))
    sentences, verdicts, few = [], [], []
    for recipe in figures.recipes:
        for scores, where in _sources(figures, recipe):
            row = dict(zip(styles, scores["confusion"][styles.index(style)], strict=True))
            right = row.pop(style)
            wrong, taken = sum(row.values()), {suspect: row[suspect] for suspect in suspects}
            if not right + wrong:
                continue
            if wrong < FEW_MISTAKES:
                few.append(f"{figures.title(recipe)}, {where}: {right} of {right + wrong} right")
                continue
            # Five wrong styles: by chance each of the two gets a fifth of the mistakes. Together they must
            # have more than half, and each at least its fifth, or the one who has less is not named.
            mostly = sum(taken.values()) > wrong / 2
            both = min(taken.values()) >= wrong / len(row)
            verdicts.append("yes" if mostly and both else "partly" if mostly else "no")
            said = {
                "yes": "mostly for these two",
                "partly": f"mostly for {max(taken, key=taken.get)} alone",
                "no": "mostly for others",
            }[verdicts[-1]]
            sentences.append(
                f"{figures.title(recipe)}, {where}: {right} of {right + wrong} are right; of the {wrong} mistakes"
                f" {taken['Cubism']} go to Cubism, {taken['Impressionism']} to Impressionism,"
                f" {wrong - sum(taken.values())} to others: {said}."
            )
    if few:
        sentences.append(f"Fewer than {FEW_MISTAKES} mistakes, too few to say: {'; '.join(few)}.")
    if not verdicts:
        sentences.append(f"It cannot be said here, because no recipe made {FEW_MISTAKES} or more such mistakes.")
        return Finding(question, CANNOT, tuple(sentences))
    same = len(set(verdicts)) == 1
    verdict = {"yes": "yes", "no": "no", "partly": "for one of the two"}[verdicts[0]] if same else "it depends"
    return Finding(question, verdict, tuple(sentences))


def _sources(figures: _Figures, recipe: str) -> list[tuple[Mapping[str, Any], str]]:
    """Where most pictures of a rare style were judged: all folds, else the test set; and unseen artists."""
    folds, test = figures.cross_validated(recipe), figures.test(recipe)
    unseen = figures.recipes[recipe]["unseen_artists"]
    found = [(folds["pooled"], "cross-validation")] if folds else [(test, "published test")] if test else []
    return [*found, (unseen["pooled"], "unseen artists")] if unseen else found


def _artists(figures: _Figures) -> Finding:
    question = "Is the published score the recognition of artists?"
    sentences, verdicts = [], []
    sets = ("recall is lower on", "recall is higher on", "Fisher's exact test shows no difference on")
    for facts in figures.recipes.values():
        unseen = facts["unseen_artists"]
        test = unseen["test_of_same_runs"] if unseen else None
        if not test:
            continue
        new, spread = unseen["pooled"], unseen["over_groups"]["balanced_accuracy"]
        # Style by style, as the two sets of pictures have different shares of the styles.
        lower, higher, level = [], [], []
        for style, known in test["recall"].items():
            found = new["recall"][style]
            if not (known["total"] and found["total"]):
                continue
            said = f"{style} ({known['rate']:.0%} and {found['rate']:.0%})"
            if _fisher(known, found) >= SIGNIFICANT:
                level.append(said)
            else:
                (lower if found["rate"] < known["rate"] else higher).append(said)
        kind = {(True, True): "mixed", (True, False): "worse", (False, True): "better", (False, False): "same"}
        verdicts.append(kind[bool(lower), bool(higher)])
        around = f", {spread['minimum']:.1%} to {spread['maximum']:.1%} by group" if spread["n"] > 1 else ""
        by_style = [f"{words} {_list(of)}" for words, of in zip(sets, (lower, higher, level), strict=True) if of]
        sentences.append(
            f"{facts['title']}: the same networks have {quote(test['accuracy'])} on pictures by artists of their"
            f" training and {quote(new['accuracy'])} on artists never trained on; mean recall over the styles is"
            f" {test['balanced_accuracy']:.1%} and {new['balanced_accuracy']:.1%}{around}."
            f" By style, {'; '.join(by_style)}."
        )
    if not verdicts:
        sentences.append(
            "It cannot be said here, because no run held artists out and was tested on both;"
            " `make hold-outs` makes such runs."
        )
    return Finding(question, _verdict(verdicts, "no", "yes, in part", same="not shown"), tuple(sentences))


def _best(figures: _Figures) -> Finding:
    question = "Which recipe is best on the published split?"
    tested = figures.tested()
    if len(tested) < 2:
        return Finding(question, CANNOT, ("It cannot be said here, because fewer than two recipes were run.",))
    best = max(tested, key=lambda recipe: tested[recipe]["accuracy"]["rate"])
    sentences = [f"{figures.title(best)} has {quote(tested[best]['accuracy'])}."]
    level, worse, level_by_counts, worse_by_counts, foreign = _beside_the_best(figures, best)
    if level:
        sentences.append(f"Not told apart from it by McNemar's exact test: {_list(level)}.")
    if worse:
        test = "the same test" if level else "McNemar's exact test"
        sentences.append(f"Worse by {test}: {_list(worse)}.")
    if level_by_counts:
        sentences.append(f"Not told apart from it by the counts alone (Fisher's exact test): {_list(level_by_counts)}.")
    if worse_by_counts:
        sentences.append(f"Worse by the counts alone (Fisher's exact test): {_list(worse_by_counts)}.")
    if level_by_counts or worse_by_counts:
        sentences.append("Counts alone are compared where it is not recorded of both which pictures they had wrong.")
    if foreign:
        sentences.append(f"Tested on other pictures, and not compared with it: {_list(foreign)}.")
    beside = ", not alone" if level or level_by_counts else ", of those compared" if foreign else ""
    return Finding(question, figures.title(best) + beside, tuple(sentences))


def _beside_the_best(figures: _Figures, best: str) -> tuple[list[str], ...]:
    """The other recipes: level with `best` and worse, by McNemar's test; level and worse, where only counts can be
    compared; and those tested on other pictures."""
    level, worse, level_by_counts, worse_by_counts, foreign = [], [], [], [], []
    tested = figures.tested()
    for recipe in tested:
        if recipe == best:
            continue
        found, title = figures.compared(best, recipe, PUBLISHED_SPLIT), figures.title(recipe)
        if found:
            (level if found["p"] >= SIGNIFICANT else worse).append(f"{title} ({p_value(found['p'])})")
        elif figures.unrecorded(best, recipe, PUBLISHED_SPLIT):
            p = _fisher(tested[best]["accuracy"], tested[recipe]["accuracy"])
            (level_by_counts if p >= SIGNIFICANT else worse_by_counts).append(f"{title} ({p_value(p)})")
        else:
            foreign.append(title)
    return level, worse, level_by_counts, worse_by_counts, foreign


def _calibration(figures: _Figures) -> Finding:
    question = "Does temperature scaling make the confidences honest?"
    tested = figures.tested()
    if not tested:
        return Finding(question, CANNOT, ("It cannot be said here, because there is no run.",))
    said = {True: [], False: []}
    for recipe, scores in tested.items():
        change = f"{figures.title(recipe)} ({scores['ece_before']:.1%} to {scores['ece_after']:.1%})"
        said[scores["ece_after"] < scores["ece_before"]].append(change)
    sentences = []
    if said[True]:
        sentences.append(f"The expected calibration error falls for {_list(said[True])}.")
    if said[False]:
        sentences.append(
            f"It does not fall for {_list(said[False])}: the temperature was fitted on other pictures than these."
        )
    return Finding(question, f"it lowers the ECE of {len(said[True])} of {len(tested)}", tuple(sentences))


def _split(figures: _Figures) -> Finding:
    question = "How much of a score is the luck of the split?"
    sentences, widths = [], []
    for recipe, facts in figures.recipes.items():
        folds = facts["cross_validation"]
        if not folds or folds["over_folds"]["accuracy"]["n"] < 2:
            continue
        over = folds["over_folds"]["accuracy"]
        widths.append(over["maximum"] - over["minimum"])
        sentence = (
            f"{facts['title']}: mean accuracy {over['mean']:.1%} ({over['low']:.1%} to {over['high']:.1%}) over"
            f" {over['n']} folds, single folds from {over['minimum']:.1%} to {over['maximum']:.1%}"
        )
        test = figures.test(recipe)
        if test:
            rate = test["accuracy"]["rate"]
            where = "within" if over["minimum"] <= rate <= over["maximum"] else "outside"
            sentence += f"; the published split's {rate:.1%} is {where} that range"
        sentences.append(f"{sentence}.")
    if not widths:
        return Finding(question, CANNOT, ("It cannot be said here, because no recipe was cross-validated.",))
    return Finding(question, f"up to {100 * max(widths):.0f} points between folds", tuple(sentences))


def _repeated(figures: _Figures) -> Finding:
    question = "Does the same training give the same network?"
    sentences, most = [], 0.0
    for recipe, facts in figures.recipes.items():
        for repeat in facts.get("repeats", ()):
            pictures, differ = repeat["accuracy"]["total"], repeat["answers_that_differ"]
            most = max(most, differ / pictures)
            sentences.append(
                f"{facts['title']}: `{repeat['run']}` repeats `{facts['headline']}` with the same seed and split on the"
                f" same machine; {figures.test(recipe)['accuracy']['correct']} and {repeat['accuracy']['correct']} of"
                f" {pictures} are right, {differ} answers differ, and no probability by more than"
                f" {repeat['largest_difference_of_probability']:.2g}."
            )
    if not sentences:
        return Finding(question, CANNOT, ("It cannot be said here, because no training was done twice.",))
    verdict = f"{most:.1%} of the answers differ" if most else "every answer is the same"
    return Finding(question, verdict, tuple(sentences))


def _fisher(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    """Two-sided p that two counts of different pictures have one rate (Fisher's exact test)."""
    return float(fisher_exact([[count["correct"], count["total"] - count["correct"]] for count in (a, b)]).pvalue)


def _verdict(verdicts: Sequence[str], better: str, worse: str, same: str = "no difference is shown") -> str:
    kinds = set(verdicts)
    if not kinds:
        return CANNOT
    if len(kinds) > 1 or "mixed" in kinds:
        return "it depends"
    return {"better": better, "worse": worse, "same": same}[verdicts[0]]


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
