"""What each figure shows and how to read it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """A figure's name, its text for those who do not see it, and the words under it; a photo is no chart."""

    name: str
    alt: str
    caption: str
    known: bool = True

    @property
    def chart(self) -> bool:
        """Whether a dark page may turn its lightness round."""
        return self.known and self.name not in _PHOTOS


_KNOWN = {
    "leaderboard": (
        "Dot plot: a metric of each model on test with its 95 % interval, at frame and at video level.",
        "Each dot is a model's score on test, each line its 95 % interval from resampled groups; of several seeds, each has its own dot"
        " and the number is their mean. Green is the model that val chose before test was read. Intervals that overlap do not settle "
        "whether two models differ: see the paired tests.",
    ),
    "pairs": (
        "Matrix: the difference between every two models, row minus column; significant ones are marked with a star.",
        "Each cell is the row's model minus the column's, on the same resampled groups. Bold with a star: significant after Holm's "
        "correction for the number of pairs, with an interval that leaves 0 out. Without a star, these data cannot tell the two apart.",
    ),
    "ensembles": (
        "Three panels: validation AUC of every ensemble by size; the members of the twenty best; their gain on test with 95 % intervals.",
        "Left: every ensemble by its number of members; 1 are the single models. Middle: who is in the best twenty on val. Right: what "
        "these gain on test over the best single model; green where the whole interval is above 0, grey where it could be chance.",
    ),
    "diversity": (
        "Two matrices over pairs of models: share of answers that differ, and correlation of errors.",
        "An ensemble gains from members that are good and err on different clips: high disagreement, low correlation of errors.",
    ),
    "ablations": (
        "Dot plot: the difference in AUC that each change of one model makes on validation folds, with 95 % intervals; bars: minutes.",
        "Each line is a paired 95 % interval from resampled groups; green surely helps, vermillion surely hurts (the interval and the "
        "corrected test say so), grey could be chance. Hollow: single seeds of the model as it is, against their mean, which show "
        "what luck is worth. Right: what a training takes, as in the table; the line is the model as it is.",
    ),
    "finalists": (
        "Dot plot: the difference in AUC of each finalist to the first on all validation folds, with 95 % intervals; bars: minutes.",
        "Whole models, trained on every fold of train: the mean difference to the first, with its paired 95 % interval, and the minutes "
        "of a training, as in the table.",
    ),
    "costs": (
        "Dot plot: AUC on test of each model and ensemble, beside bars for its milliseconds a face and its megabytes.",
        "What a better score costs to serve. Green is what the detector's file holds; lines are 95 % intervals from resampled groups. "
        "One face at a time on one processor; megabytes as exported at half precision. The best on val stands first.",
    ),
    "systems": (
        "Dot plot: the accuracy that each published system claimed, and what it reaches here by its own recipe and by this project's.",
        "Diamonds are claims, on data and splits of their own; a pale bar is their interval where a matrix was published. Dots: the same "
        "recipe here, on a leak-free split; squares: the same architecture under this project's settings. Lines are 95 % intervals from "
        "resampled groups. Left of the dotted line, naming always the commoner class does better.",
    ),
    "time": (
        "Dot plot: the gain in AUC of each model of clips over the frames of its trunk, and over itself on frames out of order.",
        "Each line is a paired 95 % interval from resampled groups; green where it lies above 0 (the table says whether the test "
        "agrees). A gain over the frames alone may come from a larger model; a gain over the very same network on the same frames out of "
        "order can come from nothing but time.",
    ),
    "slices": (
        "Dot plots: a metric by slice of the test data, one model with its interval and the others as grey dots.",
        "The model that val chose with its 95 % interval in green, the others in grey. A manipulation method is told from all reals; "
        "any other slice compares its own fakes with its own reals. Slices with few rows have wide intervals.",
    ),
    "roc": (
        "Small multiples: the ROC curve of each model in front of all others in grey.",
        "How many fakes are caught (up) at the price of how many false alarms (right). The dotted diagonal is guessing. The number is "
        "the AUC: the chance that a random fake scores higher than a random real.",
    ),
    "confusions": (
        "Small multiples: a two by two confusion matrix for each model.",
        "Rows are the truth, columns the answer at the threshold; the percentage is of the row. Upper right: reals accused of being "
        "fake. Lower left: fakes that got through. Counts of several seeds are added.",
    ),
    "scores": (
        "Small multiples: histograms of p_fake for real and for fake rows, one panel a model.",
        "How far a model pulls real (blue) and fake (orange) apart; the dotted line is the threshold. Each class has its own scale.",
    ),
    "reliability": (
        "Small multiples: the observed share of fakes over p_fake for each model, before and after calibration, with the diagonal.",
        "Of all rows with a p_fake of about .8, are eight in ten fake? A calibrated model lies on the diagonal; below it, it cries fake"
        " too loudly. Grey is p_fake as it came, green the calibration that calib chose; lines up and down are 95 % intervals from "
        "resampled groups of test.",
    ),
    "operating": (
        "Dot plots: reals and fakes called fake on test by each model, at thresholds fixed on calib for 1, 5 and 10 % of false alarms.",
        "The threshold was fixed on calib so that no more than the dotted share of reals is called fake. Blue is what became of that on "
        "test, vermillion the fakes that are caught at this price; lines are 95 % intervals. Where calib has too few reals for a share, "
        "nothing is promised.",
    ),
    "verdicts": (
        "Dot plots: errors of verdicts on reals and on fakes of test, and the share of UNSURE, at promised error rates of 1 to 20 %.",
        "A verdict rules REAL or FAKE out, or neither, or both, which is UNSURE; the truth is ruled out in no more than the dotted share "
        "of new groups. Blue and vermillion are what was measured on test, grey what the promise costs: clips without a verdict. "
        "Where calib has too few groups for a rate, nothing is promised.",
    ),
    "robustness": (
        "Small multiples: a metric of each model on test over the strength of each corruption, with bands of 95 %.",
        "The further right, the stronger (brightness: darker to the left, lighter to the right of what it was). Models from dark to light "
        "by their AUC on clean crops, the ensemble in black; bands are 95 % intervals from resampled groups. The threshold stays where "
        "it was, so accuracy falls faster than AUC where a corruption moves all scores one way.",
    ),
    "cross": (
        "Matrix: the AUC of each model trained on the row's data and scored on the column's, with 95 % intervals.",
        "In bold a model is at home; elsewhere it meets cameras, codecs and manipulations that it has not seen. White is "
        "guessing; grey with a question mark: the interval holds .5, so it cannot be told from chance.",
    ),
    "leave_out": (
        "Dot plot: AUC on the fakes of each manipulation method, with that method in training and without it.",
        "Grey: the method's fakes were in training. Green: the model was trained again without them and meets them for the first time. "
        "Lines are 95 % intervals from resampled groups.",
    ),
    "heat": ("Faces, and heat maps of a model on them.", "What a model looks at."),
    "training": (
        "Small multiples: loss and AUC over the epochs for each model, training and validation.",
        "Training in grey, validation in green. The ringed dot is the epoch whose weights were kept: the best AUC on val. Validation "
        "that turns away from training means that the model learns its training faces by heart.",
    ),
    "search_progress": (
        "Dots: the validation AUC of each trial of a search in the order they were drawn; a line is the best so far.",
        "Each dot is a trial's AUC on val, the green line the best so far; a hollow dot was stopped early. A line that is "
        "still rising at its end says that more trials might find more.",
    ),
    "search_scatter": (
        "Small multiples: the validation AUC of each trial against each setting that was drawn.",
        "One panel a setting, one dot a trial, the best in green. Where good and poor trials stand side by side, the setting matters "
        "little. All settings were drawn at once, so a panel shows a trend, no proof.",
    ),
    "split": (
        "Stacked bars: real and fake crops in each part of the split, with the number of groups and videos.",
        "train fits, val chooses, calib calibrates, test is read at the end. Whole groups go to one part, so no person, source video or"
        " scene that is known to be shared stands on both sides. Uncertainty depends on the groups, not on the crops.",
    ),
    "coverage": (
        "Bars: the share of files of each class in which a face was found; where there are clips, the faces kept per frame.",
        "Both classes should look the same here. Where faces are found less often in fakes, a detector's misses can give the label away.",
    ),
    "differences": (
        "Dot plot: the AUC of each fact of the files that is not their face, with its 95 % interval.",
        "How well one fact of the files alone tells fake from real: .5 is nothing, 1 is everything; the line is the 95 % interval from "
        "resampled groups, and a dot without one has too few groups. Green warns: a model could learn this instead of the face.",
    ),
    "leak_tax": (
        "Dot plots: accuracy and AUC of one model on frames split at random and on whole groups, with 95 % intervals.",
        "The same network on the same crops, dealt out in two ways. Black: frames at random, so that near copies stand in train and in "
        "test. Green: groups kept whole. Lines are 95 % intervals from resampled groups; the pale bars are what is printed where frames are"
        " taken for independent.",
    ),
    "shortcuts": (
        "Dot plot: the AUC of guesses from facts that are not the face, a row a family of facts, with 95 % intervals.",
        "A classifier that sees no pixel, on groups it was not fitted on: .5 is nothing, 1 is everything. Green warns: a network could "
        "learn this instead of the face. Rows marked (crop) are of the whole crop's pixels, and partly of the face. The bar is what the "
        "same procedure gets from shuffled labels.",
    ),
    "face_sizes": (
        "Curves: the share of faces of at most so many pixels, real and fake.",
        "How large the faces are in their files. Left of the dotted line they were enlarged for the crop. Curves that lie apart let a "
        "model learn size and blur instead of the face.",
    ),
    "contact_sheet": (
        "Face crops, the upper row real, the lower row fake.",
        "Random crops, upper row real, lower row fake. They are drawings; of other people's faces the report shows none.",
    ),
}

_PHOTOS = {"contact_sheet", "heat"}

_ALIASES = {"pair_matrix": "pairs", "ensemble_gain": "ensembles", "training_curves": "training", "split_overview": "split"}


def describe(stem: str) -> Caption:
    """The caption of a figure's file; `roc_video` is the variant `video` of `roc`.

    Example:
        >>> describe("roc_video").name, describe("pair_matrix").name, describe("my_own").known
        ('roc', 'pairs', False)
        >>> describe("roc_video").caption
        'The same for video.'
    """
    for start in sorted([*_KNOWN, *_ALIASES], key=len, reverse=True):
        if stem == start or stem.startswith(f"{start}_"):
            name = _ALIASES.get(start, start)
            alt, caption = _KNOWN[name]
            variant = stem[len(start) + 1 :].replace("_", " ")
            return Caption(name, f"{alt} Here: {variant}.", f"The same for {variant}.") if variant else Caption(name, alt, caption)
    words = stem.replace("_", " ").capitalize()
    return Caption(stem, f"Figure: {words}.", f"{words}.", known=False)
