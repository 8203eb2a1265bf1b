# One experiment, from media to its page: one rule a notebook, and `dfd` where a step shows no figure.
# `dfd report NAME` calls it; by hand: snakemake -s Snakefile --directory reports/NAME --config experiment=NAME --cores 2
#
# Paths are relative to the report's folder. A step runs again if a table it reads, the code of its notebook, its part of
# the recipe or the files of the data set have changed; each writes its outputs whole, so a killed run goes on where it was.

import functools

from dfd_lib.data.signature import source_signature
from dfd_lib.experiment import load_experiment
from dfd_lib.notebooks import code_hash
from dfd_lib.paths import faces_dir
from dfd_lib.stages import ablation_runs, run_dir, source_dir, time_questions
from dfd_lib.stages.costs import asks_for_costs
from dfd_lib.stamp import gpus

NAME = str(config["experiment"])
RECIPE = load_experiment(NAME)
DRAWN = RECIPE.data.source == "demo"
CLIPS = source_dir(RECIPE) / "listing.csv" if DRAWN else []
FACES = faces_dir(NAME) / "manifest.parquet"
SHARDS = RECIPE.faces.shards if RECIPE.faces else 1
SHARD = str(FACES.with_name("shards") / f"{{number}}-of-{SHARDS}" / "shard.json")
TUNED = [name for name, model in RECIPE.models.items() if model.tune]
RUNS = [f"{model}-s{seed}" for model in RECIPE.models for seed in RECIPE.seeds]
LEAK_TAX = "leak_tax.csv" if RECIPE.leak_tax else []
ABLATIONS = RECIPE.ablations
ABLATED = ablation_runs(RECIPE)
FINALS = [run for run, one in ABLATED.items() if one.name in ABLATIONS.finalists]
SCREENED = [run for run in ABLATED if run not in FINALS]
FINALISTS = ["finalists.csv", "finalists_pairs.csv", "finalists_predictions.parquet"] if FINALS else []
ABLATION_TABLES = ["ablations.csv", *FINALISTS] if ABLATIONS else []
COSTS = ["costs.csv"] if asks_for_costs(RECIPE) else []
GENERALISE = RECIPE.generalise
STUDIES = GENERALISE.studies()
PAIRS = [f"{study}_pairs.csv" for study in STUDIES if study != "robustness"]
GENERALISED = [*(f"{study}.csv" for study in STUDIES), *PAIRS, *(["notebooks/70_generalise.ipynb"] if STUDIES else [])]
# share the processors among the trainings that can run at once: two small jobs beside each other beat one on two cores;
# on a machine with GPUs each training takes them all, so there it is one after the other
TRAIN_THREADS = workflow.cores if gpus() else max(1, workflow.cores // len(RUNS))
# steps that stand beside each other at the end, each mostly one thread
HALF = workflow.cores if gpus() else max(1, workflow.cores // 2)
# the largest network first, so that it does not train alone at the end
LARGE = (
    *("resnext_lstm", "resnext_lstm_small", "resnext50", "inception_resnet_v2", "xception", "vgg19", "vgg16", "efficientnet_v2_b0"),
    *("resnet", "resnext_small", "minivggnet"),
)

# whether there is a model of clips, and what it can be held against
TIMED = ["time.csv", "notebooks/65_time.ipynb"] if time_questions(RECIPE) else []
# whether the recipe names published systems that its models rebuild
SYSTEMS = ["systems.csv", "notebooks/55_systems.ipynb"] if RECIPE.systems else []


def size_rank(network):
    """Higher for larger networks; 0 for the small."""
    return len(LARGE) - LARGE.index(network) if network in LARGE else 0


def part(*names):
    """The parts of the recipe that a rule depends on; the data's licence changes nothing but the detector's card."""
    return {name: RECIPE.model_dump(mode="json", exclude={"data": {"licence"}})[name] for name in names}


@functools.cache
def source_files():
    """What tells whether the data set has changed; asked for once, however many shards there are."""
    return None if DRAWN else source_signature(source_dir(RECIPE))


def run_notebook(name, done, out=None, parameters=""):
    """A shell command: one notebook, its chatter in the log, one line when it is done or why it failed."""
    return run_command(f"dfd notebook {name} --out notebooks/{out or name}.ipynb -p 'experiment=\"{NAME}\"'{parameters}", done)


def run_command(command, done):
    """A shell command: one step, its chatter in the log, one line when it is done or why it failed."""
    failed = "grep -a '^dfd: ' {log} >&2 || cat {log} >&2; exit 1"
    return f"if DFD_THREADS={{threads}} {command} > {{log}} 2>&1; then echo '  {done}'; else {failed}; fi"


rule page:
    input:
        "metrics.csv",
        "calibration.csv",
        "ensembles.csv",
        "notebooks/00_tour.ipynb",
        "notebooks/10_faces.ipynb",
        "agreement.csv",
        SYSTEMS,
        TIMED,
        "shortcuts.csv",
        GENERALISED,
        ABLATION_TABLES,
        COSTS,
    output:
        "index.html",
        "stamp.json",
    params:
        recipe=part("title", "about", "data"),
    shell:
        "dfd page-of-report '{NAME}'"


rule clips:
    output:
        CLIPS,
    params:
        recipe=part("demo"),
    threads: workflow.cores
    shell:
        "DFD_THREADS={threads} dfd demo --experiment '{NAME}'"


rule shard:
    input:
        CLIPS,
    output:
        SHARD,
    params:
        recipe=part("data", "faces"),
        files=lambda _: source_files(),
    threads: max(1, workflow.cores // SHARDS)
    shell:
        "DFD_THREADS={threads} dfd extract --experiment '{NAME}' --shard {wildcards.number}/{SHARDS}"


rule faces:
    input:
        CLIPS,
        [] if SHARDS == 1 else expand(SHARD, number=range(1, SHARDS + 1)),
    output:
        FACES,
        FACES.with_name("coverage.csv"),
    params:
        recipe=part("data", "faces"),
        files=lambda _: source_files(),
    threads: workflow.cores if SHARDS == 1 else 1
    shell:
        "DFD_THREADS={threads} dfd " + ("extract" if SHARDS == 1 else "merge") + " --experiment '{NAME}'"


rule survey:
    input:
        FACES,
        FACES.with_name("coverage.csv"),
    output:
        "differences.csv",
        "notebooks/10_faces.ipynb",
    params:
        resamples=RECIPE.evaluation.resamples,
        seed=RECIPE.split.seed,
        code=code_hash("10_faces"),
    log:
        "logs/10_faces.txt",
    shell:
        run_notebook("10_faces", "looked at the media and the faces")


rule split:
    input:
        FACES,
    output:
        "manifest.parquet",
        "split.csv",
        "audit.csv",
    params:
        recipe=part("split"),
    log:
        "logs/split.txt",
    shell:
        run_command("dfd split '{NAME}'", "split by group and audited")


rule leak_tax:
    input:
        "manifest.parquet",
        [f"tuning/{RECIPE.leak_tax.model}/best.json"] if RECIPE.leak_tax and RECIPE.leak_tax.model in TUNED else [],
    output:
        "leak_tax.csv",
    params:
        recipe=part("leak_tax"),
        resamples=RECIPE.evaluation.resamples,
    log:
        "logs/leak_tax.txt",
    threads: TRAIN_THREADS
    shell:
        run_command("dfd leak-tax '{NAME}'", "measured what a leak would have bought")


rule splits:
    input:
        "manifest.parquet",
        "differences.csv",
        LEAK_TAX,
    output:
        "shortcuts.csv",
        "notebooks/20_splits.ipynb",
    params:
        resamples=RECIPE.evaluation.resamples,
        code=code_hash("20_splits"),
    log:
        "logs/20_splits.txt",
    threads: TRAIN_THREADS
    shell:
        run_notebook("20_splits", "looked for leaks and shortcuts")


# its search is an output that is only ever added to: stopped, it goes on; asked for more trials, it takes them
rule tune:
    input:
        "manifest.parquet",
    output:
        update("tuning/{model}/trials.csv"),
        update("tuning/{model}/best.json"),
        "notebooks/30_tune-{model}.ipynb",
    params:
        recipe=lambda wildcards: RECIPE.models[wildcards.model].model_dump(mode="json"),
        code=code_hash("30_tune"),
    log:
        "logs/30_tune-{model}.txt",
    threads: max(1, workflow.cores // max(1, len(TUNED)))
    priority: 20
    shell:
        run_notebook(
            "30_tune",
            "tuned {wildcards.model}",
            out="30_tune-{wildcards.model}",
            parameters=" -p 'model=\"{wildcards.model}\"'",
        )
        + "; touch {output}"


# all searches and nothing else: snakemake ... tuning
rule tuning:
    input:
        expand("tuning/{model}/best.json", model=TUNED),


def made_of(model, seed):
    """The runs of which a model is the soup or the student, or its teacher's table."""
    teacher = None if model.soup else model.teacher
    if teacher and not teacher.models:
        return [teacher.table]
    return [f"models/{one}-s{seed}/run.json" for one in (teacher.models if teacher else model.soup)]


rule train:
    input:
        "manifest.parquet",
        lambda wildcards: f"tuning/{wildcards.model}/best.json" if wildcards.model in TUNED else [],
        lambda wildcards: made_of(RECIPE.models[wildcards.model], wildcards.seed),
    output:
        # `update`: not deleted first, since a finished run whose recipe and data are the same is taken as it is
        update("models/{model}-s{seed}/run.json"),
        update("models/{model}-s{seed}/predictions.parquet"),
        "notebooks/40_train-{model}-s{seed}.ipynb",
    params:
        recipe=lambda wildcards: RECIPE.models[wildcards.model].model_dump(mode="json"),
        code=code_hash("40_train"),
    wildcard_constraints:
        seed=r"\d+",
    log:
        "logs/40_train-{model}-s{seed}.txt",
    threads: TRAIN_THREADS
    priority: lambda wildcards: size_rank(RECIPE.models[wildcards.model].model)
    shell:
        run_notebook(
            "40_train",
            "trained {wildcards.model}, seed {wildcards.seed}",
            out="40_train-{wildcards.model}-s{wildcards.seed}",
            parameters=" -p 'model=\"{wildcards.model}\"' -p seed={wildcards.seed}",
        )
        + "; touch {output}"


rule compare:
    input:
        expand("models/{run}/run.json", run=RUNS),
        expand("models/{run}/predictions.parquet", run=RUNS),
    output:
        "predictions.parquet",
        "metrics.csv",
        "runs.csv",
        "calibration.csv",
        "calibration.json",
        ["tuning.csv"] if TUNED else [],
        "claims.csv",
        "notebooks/50_compare.ipynb",
    params:
        recipe=part("evaluation"),
        models=list(RECIPE.models),
        code=code_hash("50_compare"),
    log:
        "logs/50_compare.txt",
    threads: workflow.cores
    shell:
        run_notebook("50_compare", "compared and calibrated all models")


rule ensembles:
    input:
        "predictions.parquet",
    output:
        "ensembles.csv",
        "notebooks/60_ensembles.ipynb",
    params:
        recipe=part("ensembles", "evaluation"),
        code=code_hash("60_ensembles"),
    log:
        "logs/60_ensembles.txt",
    threads: HALF
    shell:
        run_notebook("60_ensembles", "tried every ensemble")


rule systems:
    input:
        "predictions.parquet",
        "shortcuts.csv",
        LEAK_TAX,
    output:
        "systems.csv",
        "notebooks/55_systems.ipynb",
    params:
        recipe=part("systems", "evaluation"),
        code=code_hash("55_systems"),
    log:
        "logs/55_systems.txt",
    shell:
        run_notebook("55_systems", "laid the published systems side by side")


rule time:
    input:
        "predictions.parquet",
    output:
        "time.csv",
        "notebooks/65_time.ipynb",
    params:
        models=[tuple(question) for question in time_questions(RECIPE)],
        recipe=part("evaluation"),
        code=code_hash("65_time"),
    log:
        "logs/65_time.txt",
    shell:
        run_notebook("65_time", "asked whether time helps")


# ---- what the models were not trained for: only what the recipe asks for


def partner_runs(_):
    """The runs of the other experiments that are there; what is missing is said by the step, with the command that makes it."""
    others = [load_experiment(name) for name in GENERALISE.cross]
    runs = [run_dir(other, model, seed) / "run.json" for other in others for model in RECIPE.models for seed in other.seeds]
    return [str(run) for run in runs if run.is_file()]


rule robustness:
    input:
        expand("models/{run}/run.json", run=RUNS),
    output:
        "robustness_predictions.parquet",
    params:
        conditions=GENERALISE.conditions,
    log:
        "logs/robustness.txt",
    threads: HALF
    priority: 3  # the longest of them
    shell:
        run_command("dfd generalise '{NAME}' robustness", "scored the test part under corruptions")


rule cross:
    input:
        expand("models/{run}/run.json", run=RUNS),
        partner_runs,
    output:
        "cross_predictions.parquet",
    params:
        cross=GENERALISE.cross,
    log:
        "logs/cross.txt",
    threads: HALF
    priority: 3  # the longest of them
    shell:
        run_command("dfd generalise '{NAME}' cross", "exchanged models and test parts with other experiments")


rule leave_out:
    input:
        expand("models/{run}/run.json", run=[f"{model}-s{seed}" for model in GENERALISE.leave_out for seed in RECIPE.seeds]),
    output:
        "leave_out_predictions.parquet",
    params:
        leave_out=GENERALISE.leave_out,
    log:
        "logs/leave_out.txt",
    threads: TRAIN_THREADS
    shell:
        run_command("dfd generalise '{NAME}' leave-out", "trained without each method in turn")


rule generalise:
    input:
        "predictions.parquet",
        "ensembles.csv",
        expand("{study}_predictions.parquet", study=STUDIES),
    output:
        expand("{study}.csv", study=STUDIES),
        PAIRS,
        "notebooks/70_generalise.ipynb",
    params:
        evaluation=part("evaluation"),
        code=code_hash("70_generalise"),
    log:
        "logs/70_generalise.txt",
    threads: HALF
    shell:
        run_notebook("70_generalise", "measured what the models were not trained for")


# ---- what helps: one model changed in one thing at a time, on folds of train and val


def ablation_parts(run=None):
    """What one training of the study depends on, or all of them."""
    model = lambda name: RECIPE.models[name].model_dump(mode="json", exclude_defaults=True)
    dealt = lambda folds: (folds, ABLATIONS.seed, ABLATIONS.conditions)
    if run is None:
        return [ABLATIONS.model_dump(mode="json"), *map(model, (ABLATIONS.base, *ABLATIONS.finalists))]
    name = ABLATED[run].name
    if name in ABLATIONS.finalists:
        return [model(name), dealt(ABLATIONS.final_folds)]
    return [model(ABLATIONS.base), ABLATIONS.quick, ABLATIONS.changes.get(name), dealt(ABLATIONS.folds)]


if ABLATIONS and not ABLATIONS.together:

    rule ablate:
        input:
            "manifest.parquet",
            expand("tuning/{model}/best.json", model=[name for name in (ABLATIONS.base, *ABLATIONS.finalists) if name in TUNED]),
        output:
            update("ablations/{run}/run.json"),
        params:
            recipe=lambda wildcards: ablation_parts(wildcards.run),
        log:
            "logs/ablations/{run}.txt",
        threads: HALF
        priority: 5
        shell:
            run_command("dfd ablate '{NAME}' {wildcards.run}", "trained {wildcards.run}") + "; touch {output}"


if ABLATIONS and ABLATIONS.together:

    rule ablate_together:
        input:
            "manifest.parquet",
            expand("tuning/{model}/best.json", model=[name for name in (ABLATIONS.base, *ABLATIONS.finalists) if name in TUNED]),
        output:
            update(expand("ablations/{run}/run.json", run=ABLATED)),
        params:
            recipe=ablation_parts() if ABLATIONS else None,
        log:
            "logs/ablations.txt",
        shell:
            run_command("dfd ablate '{NAME}'", "trained all ablations") + "; touch {output}"


# apart from the changes: who learns from the finalists waits for them alone
rule finalists:
    input:
        expand("ablations/{run}/run.json", run=FINALS),
    output:
        # `update`: predictions that came out as before are left as they are, so that no student learns again
        update(FINALISTS),
    params:
        recipe=[ABLATIONS.finalists, ABLATIONS.conditions] if ABLATIONS else None,
        evaluation=part("evaluation"),
    log:
        "logs/finalists.txt",
    shell:
        run_command("dfd ablate '{NAME}' --compare-finalists", "compared the finalists")


rule ablations:
    input:
        expand("ablations/{run}/run.json", run=SCREENED),
        FINALISTS,
    output:
        "ablations.csv",
        "notebooks/95_ablations.ipynb",
    params:
        recipe=ablation_parts() if ABLATIONS else None,
        evaluation=part("evaluation"),
        code=code_hash("95_ablations"),
    log:
        "logs/95_ablations.txt",
    shell:
        run_notebook("95_ablations", "compared the ablations")


# the screening and nothing else: snakemake ... screening
rule screening:
    input:
        expand("ablations/{run}/run.json", run=SCREENED),


rule explain:
    input:
        "predictions.parquet",
        "runs.csv",
    output:
        "extremes.csv",
        "agreement.csv",
        "notebooks/80_explain.ipynb",
    params:
        code=code_hash("80_explain"),
    log:
        "logs/80_explain.txt",
    threads: HALF
    shell:
        run_notebook("80_explain", "explained the best model")


rule detector:
    input:
        "ensembles.csv",
        "runs.csv",
        "metrics.csv",
        "manifest.parquet",
        # its card tells of them
        expand("{study}_predictions.parquet", study=[study for study in STUDIES if study != "leave_out"]),
    output:
        "detector.dfd",
        "detector_predictions.parquet",
        COSTS,
        "notebooks/90_detector.ipynb",
    params:
        recipe=part("evaluation", "detector"),
        licence="; ".join(filter(None, [RECIPE.data.licence, *(model.weights_licence for model in RECIPE.models.values())])),
        code=code_hash("90_detector"),
    log:
        "logs/90_detector.txt",
    threads: HALF
    shell:
        run_notebook("90_detector", "made and tried the detector")


rule tour:
    input:
        "metrics.csv",
        "ensembles.csv",
    output:
        "notebooks/00_tour.ipynb",
    params:
        code=code_hash("00_tour"),
    log:
        "logs/00_tour.txt",
    shell:
        run_notebook("00_tour", "toured the results")


# named one by one, so that a table that was deleted is made again even where the page is there
rule report:
    default_target: True
    input:
        rules.page.output,
        rules.survey.output,
        rules.split.output,
        rules.splits.output,
        expand("notebooks/30_tune-{model}.ipynb", model=TUNED),
        expand(["models/{run}/run.json", "notebooks/40_train-{run}.ipynb"], run=RUNS),
        rules.compare.output,
        rules.ensembles.output,
        SYSTEMS,
        TIMED,
        GENERALISED,
        [*ABLATION_TABLES, "notebooks/95_ablations.ipynb"] if ABLATIONS else [],
        rules.explain.output,
        rules.detector.output,
